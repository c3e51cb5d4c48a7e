"""Roughly where all known asteroids are on one day, so that an image has to look closely at few of them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import OrbitTable
from seechange_core.imaging.asteroids.two_body import heliocentric_positions
from seechange_core.imaging.astrometry.observer import heliocentric_position, terrestrial_time

#: What is kept of each orbit: direction from the Earth's centre in the middle of the day, and how far from it the
#: asteroid can be seen on that day from anywhere on Earth (radian).
PLACE = np.dtype([("direction", np.float32, 3), ("reach", np.float32)])
_EARTH_RADIUS_AU = 4.2635e-5
#: A motion may change during a day; other terms (light time, the planets' pull) stay below this (radian).
_MOTION_ALLOWANCE = 1.5
_ALLOWANCE = math.radians(0.05)
_HALF_DAY = 0.5


def daily_places(blocks: Iterable[OrbitTable], day: int) -> NDArray[np.void]:
    """Return rough places of asteroids on a day.

    Parameters
    ----------
    blocks : iterable of OrbitTable
        All known ones, in pieces that fit into a processor's memory.
    day : int
        MJD (UTC): from 0 to 24 h.

    Returns
    -------
    array of `PLACE`, shape (n,)
    """
    middle = day + _HALF_DAY
    times = [terrestrial_time(mjd) for mjd in (middle, middle + _HALF_DAY)]
    earth = [heliocentric_position(mjd, None)[:, None] for mjd in (middle, middle + _HALF_DAY)]
    found = [np.empty(0, PLACE)]
    for orbits in blocks:
        seen, later = (
            heliocentric_positions(orbits, time) - sun for time, sun in zip(times, earth, strict=True)
        )
        distance, later_distance = np.linalg.norm(seen, axis=0), np.linalg.norm(later, axis=0)
        direction = seen / distance
        moved = np.linalg.norm(later / later_distance - direction, axis=0)
        places = np.empty(orbits.n_rows, PLACE)
        places["direction"] = direction.T
        parallax = _EARTH_RADIUS_AU / np.minimum(distance, later_distance)
        places["reach"] = _ALLOWANCE + _MOTION_ALLOWANCE * moved + parallax
        found.append(places)
    return np.concatenate(found)


def within_reach(
    places: NDArray[np.void], ra_deg: float, dec_deg: float, radius_deg: float
) -> NDArray[np.intp]:
    """Return the numbers of the asteroids that can be in a cone at some time of the day, from anywhere on Earth."""
    ra, dec = math.radians(ra_deg), math.radians(dec_deg)
    centre = np.array([math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)], np.float32)
    chord = np.zeros(len(places), np.float32)
    for axis in range(3):
        difference = places["direction"][:, axis] - centre[axis]
        chord += difference * difference
    # A chord is shorter than its arc, so this keeps what the arc would.
    limit = places["reach"] + np.float32(math.radians(radius_deg))
    return np.flatnonzero(chord <= limit * limit)

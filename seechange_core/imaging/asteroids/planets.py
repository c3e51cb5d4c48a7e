"""How far the planets pull asteroids off their ellipses."""

from __future__ import annotations

import math

import erfa
import numpy as np

from seechange_core.frames import Floats, OrbitTable
from seechange_core.imaging.asteroids.two_body import GAUSS, heliocentric_positions

_MJD_ZERO = 2400000.5
#: Mass of the Sun over that of each planet, from Mercury to Neptune; the Moon's is with the Earth's (IAU 2009).
_SUN_OVER_PLANETS = np.array(
    [6.0236e6, 4.08523719e5, 3.28900556e5, 3.09870359e6, 1.047348644e3, 3.4979018e3, 2.2902951e4, 1.941226e4]
)
_LONGEST_STEP_DAYS = 8.0


def displacements(orbits: OrbitTable, mjd_tt: float) -> Floats:
    """Return how far asteroids are from where `two_body.heliocentric_positions` puts them.

    Parameters
    ----------
    orbits : OrbitTable
        Osculating elements.
    mjd_tt : float
        Time (TT).

    Returns
    -------
    array of shape (3, n)
        Astronomical units along the axes of the ICRS, to first order in the displacement.

    Notes
    -----
    Encke's method (Danby 1988, Fundamentals of Celestial Mechanics, sect. 11.6), linear in the displacement, by the
    Runge-Kutta method of fourth order; places of the planets after Simon et al. (1994), A&A 282, 663.
    """
    moved = np.zeros((3, orbits.n_rows))
    # Nearly all orbits of a file are for one epoch.
    for epoch in np.unique(orbits["epoch_mjd"]):
        own = orbits["epoch_mjd"] == epoch
        moved[:, own] = _of_epoch(orbits.rows(own), float(epoch), mjd_tt)
    return moved


def _of_epoch(orbits: OrbitTable, epoch_mjd: float, mjd_tt: float) -> Floats:
    n_steps = max(1, math.ceil(abs(mjd_tt - epoch_mjd) / _LONGEST_STEP_DAYS))
    step = (mjd_tt - epoch_mjd) / n_steps
    # Both ends of each step, and its middle.
    times = np.linspace(epoch_mjd, mjd_tt, 2 * n_steps + 1)
    planets = np.stack(
        [erfa.plan94(_MJD_ZERO, times, number + 1)["p"] for number in range(len(_SUN_OVER_PLANETS))], axis=1
    )
    paths = [heliocentric_positions(orbits, time) for time in times]
    place, velocity = np.zeros_like(paths[0]), np.zeros_like(paths[0])
    for start in range(0, 2 * n_steps, 2):
        moments = [(paths[moment], planets[moment]) for moment in range(start, start + 3)]
        first = _acceleration(place, *moments[0])
        second = _acceleration(place + 0.5 * step * velocity, *moments[1])
        third = _acceleration(place + 0.5 * step * velocity + 0.25 * step**2 * first, *moments[1])
        fourth = _acceleration(place + step * velocity + 0.5 * step**2 * second, *moments[2])
        place = place + step * velocity + step**2 / 6.0 * (first + second + third)
        velocity = velocity + step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)
    return place


def _acceleration(displacement: Floats, own: Floats, planets: Floats) -> Floats:
    """Return accelerations of displacements (au per day^2) from positions (3, n); planets are at positions (8, 3)."""
    distance = np.linalg.norm(own, axis=0)
    radial = own / distance
    tide = (3.0 * radial * np.sum(radial * displacement, axis=0) - displacement) / distance**3
    towards = planets[:, :, None] - (own + displacement)
    direct = towards / np.linalg.norm(towards, axis=1, keepdims=True) ** 3
    on_sun = planets / np.linalg.norm(planets, axis=1, keepdims=True) ** 3
    planets_pull = np.tensordot(1.0 / _SUN_OVER_PLANETS, direct - on_sun[:, :, None], axes=1)
    acceleration: Floats = GAUSS**2 * (tide + planets_pull)
    return acceleration

"""From orbits to where bodies are seen, and how bright."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import AsteroidTable, Floats, OrbitTable
from seechange_core.imaging.asteroids.planets import displacements
from seechange_core.imaging.asteroids.two_body import heliocentric_positions
from seechange_core.imaging.astrometry.observer import Place, heliocentric_position, terrestrial_time

#: Light needs this for 1 au (day).
LIGHT_DAYS_PER_AU = 499.004783836 / 86400.0
_LIGHT_ITERATIONS = 3
#: Between two positions from which a motion is taken (day).
_SHORT = 1.0 / 24.0
_RADIAN_ARCSEC = np.degrees(1.0) * 3600.0


def seen_asteroids(orbits: OrbitTable, mjd_utc: float, place: Place | None) -> AsteroidTable:
    """Return where asteroids are seen from a place at a time.

    Positions are astrometric: light time is taken into account, aberration is not, as for the stars of a catalogue.

    Parameters
    ----------
    orbits : OrbitTable
        Osculating elements; the planets' pull since their epoch is taken into account.
    mjd_utc : float
        Time.
    place : Place or None
        None is the Earth's centre.
    """
    pulled = displacements(orbits, terrestrial_time(mjd_utc))
    first, middle, second = (
        _seen(orbits, mjd_utc + late, place, pulled) for late in (-0.5 * _SHORT, 0.0, 0.5 * _SHORT)
    )
    observer = heliocentric_position(mjd_utc, place)
    from_sun = np.linalg.norm(middle + observer[:, None], axis=0)
    distance = np.linalg.norm(middle, axis=0)
    x, y, z = middle
    motion = np.linalg.norm(_unit(second) - _unit(first), axis=0) * _RADIAN_ARCSEC / (_SHORT * 24.0)
    return AsteroidTable(
        {
            "name": orbits["name"],
            "ra": np.degrees(np.arctan2(y, x)) % 360.0,
            "dec": np.degrees(np.arctan2(z, np.hypot(x, y))),
            "magnitude": predicted_magnitudes(orbits, from_sun, distance, float(np.linalg.norm(observer))),
            "motion": motion,
        },
        {"mjd": mjd_utc},
    )


def predicted_magnitudes(
    orbits: OrbitTable, from_sun: Floats, distance: Floats, observer_from_sun: float
) -> Floats:
    """Return magnitudes in V by the phase function of H and G (Bowell et al. 1989, Asteroids II, 524).

    Parameters
    ----------
    from_sun, distance : array of shape (n,)
        Of the bodies, from Sun and observer (au).
    observer_from_sun : float
        Of the observer (au).
    """
    cosine = (from_sun**2 + distance**2 - observer_from_sun**2) / (2.0 * from_sun * distance)
    tangent = np.tan(0.5 * np.arccos(np.clip(cosine, -1.0, 1.0)))
    slope = orbits["slope"].astype(np.float64)
    phase = (1.0 - slope) * np.exp(-3.33 * tangent**0.63) + slope * np.exp(-1.87 * tangent**1.22)
    with np.errstate(divide="ignore"):
        magnitudes: Floats = (
            orbits["absolute_magnitude"] + 5.0 * np.log10(from_sun * distance) - 2.5 * np.log10(phase)
        )
    return magnitudes


def _seen(orbits: OrbitTable, mjd_utc: float, place: Place | None, pulled: Floats) -> Floats:
    """Return vectors from the observer to where bodies were when their light left them (au), shape (3, n)."""
    observer, now = heliocentric_position(mjd_utc, place), terrestrial_time(mjd_utc)
    away = pulled - observer[:, None]
    light_days = np.zeros(orbits.n_rows)
    for _ in range(_LIGHT_ITERATIONS):
        seen = heliocentric_positions(orbits, now - light_days) + away
        light_days = LIGHT_DAYS_PER_AU * np.linalg.norm(seen, axis=0)
    return seen


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.linalg.norm(vectors, axis=0)
    return unit

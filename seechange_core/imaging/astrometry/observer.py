"""Times and places from which the sky is seen."""

from __future__ import annotations

from dataclasses import dataclass

import erfa
import numpy as np

from seechange_core.frames import Floats

_MJD_ZERO = 2400000.5


@dataclass(frozen=True)
class Place:
    """A place on the Earth: degrees east and north, metres above the ellipsoid."""

    longitude_deg: float
    latitude_deg: float
    elevation_m: float


def terrestrial_time(mjd_utc: float) -> float:
    """Return the time in TT (MJD) of one in UTC."""
    day, fraction = erfa.taitt(*erfa.utctai(_MJD_ZERO, mjd_utc))
    return float((day - _MJD_ZERO) + fraction)


def heliocentric_position(mjd_utc: float, place: Place | None) -> Floats:
    """Return the position of an observer as seen from the Sun (au, ICRS), shape (3,); None is the Earth's centre.

    The rotation of the Earth is taken from UTC, whose second is at most 400 m of the equator away from UT1.
    """
    if place is None:
        heliocentric, _ = erfa.epv00(_MJD_ZERO, terrestrial_time(mjd_utc))
        return np.array(heliocentric["p"], np.float64)
    astrometry = apparent_sky(mjd_utc, place)
    return np.asarray(astrometry["eh"] * astrometry["em"], np.float64)


def apparent_sky(mjd_utc: float, place: Place) -> np.ndarray[tuple[()], np.dtype[np.void]]:
    """Return ERFA's parameters between the ICRS and what is seen from a place, without refraction."""
    longitude, latitude = np.radians([place.longitude_deg, place.latitude_deg])
    found, _ = erfa.apco13(
        _MJD_ZERO, mjd_utc, 0.0, longitude, latitude, place.elevation_m, 0, 0, 0, 0, 0, 0.55
    )
    return np.asarray(found)

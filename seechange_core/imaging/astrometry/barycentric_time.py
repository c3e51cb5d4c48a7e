"""Times at the barycentre of the solar system."""

from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers
from astropy.utils.exceptions import AstropyWarning
from erfa import ErfaWarning
from numpy.typing import ArrayLike

from seechange_core.frames import Floats

#: Longitude (deg, east), latitude (deg), height above the ellipsoid (m).
Geodetic = tuple[float, float, float]


def bjd_tdb(mjd: ArrayLike, ra_deg: float, dec_deg: float, site: Geodetic | None = None) -> Floats:
    """Return the BJD (TDB) at which light that is seen at a time reaches the barycentre.

    Parameters
    ----------
    mjd : array of shape (n,)
        MJD (UTC) of the observations.
    ra_deg, dec_deg : float
        Of the source, ICRS; it is taken to be infinitely far away.
    site : tuple of float, optional
        Of the telescope. Without, the centre of the Earth is taken, which is wrong by 0.02 s at most.

    Notes
    -----
    Eastman, Siverd & Gaudi (2010), PASP 122, 935. The Earth's place is that of ERFA (good to 0.1 ms of light), its
    orientation that of the tables that come with astropy: nothing is downloaded. Beyond their end UT1 is taken to be
    UTC, which is wrong by 0.9 s at most and changes the result by a microsecond.
    """
    location = EarthLocation.from_geocentric(0.0, 0.0, 0.0, u.m)
    if site is not None:
        longitude, latitude, height = site
        location = EarthLocation.from_geodetic(longitude * u.deg, latitude * u.deg, height * u.m)
    with (
        warnings.catch_warnings(),
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
    ):
        # Of years in which leap seconds are not decided, and of times beyond the tables.
        for kind in (ErfaWarning, AstropyWarning):
            warnings.simplefilter("ignore", kind)
        times = Time(np.atleast_1d(np.asarray(mjd, np.float64)), format="mjd", scale="utc", location=location)
        source = SkyCoord(ra_deg * u.deg, dec_deg * u.deg)
        found: Floats = (times.tdb + times.light_travel_time(source, "barycentric", ephemeris="builtin")).jd
    return found

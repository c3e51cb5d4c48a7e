"""Airmass from position, time and site, as LS4's header has none."""

from __future__ import annotations

import numpy as np
from astropy import units
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from seechange_ls4.geometry import SITE


def airmass_of(ra_deg: float, dec_deg: float, mjd: float) -> float:
    """Return the airmass of a position (ICRS) at a time (UTC); Pickering (2002), DIO 12, 1, 20."""
    location = EarthLocation.from_geodetic(SITE.longitude_deg, SITE.latitude_deg, SITE.elevation_m)
    # Rotation of the Earth to a second is enough: no tables are fetched.
    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
    ):
        frame = AltAz(obstime=Time(mjd, format="mjd", scale="utc"), location=location)
        altitude_deg = SkyCoord(ra_deg, dec_deg, unit=units.deg).transform_to(frame).alt.deg
    seen = max(float(altitude_deg), 0.0)
    return float(1.0 / np.sin(np.radians(seen + 244.0 / (165.0 + 47.0 * seen**1.1))))

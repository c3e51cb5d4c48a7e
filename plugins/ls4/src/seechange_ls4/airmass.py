"""Airmass from position, time and site, as LS4's header has none."""

from __future__ import annotations

import numpy as np

from seechange_core.imaging.astrometry.horizon import above_horizon
from seechange_core.imaging.astrometry.observer import Place
from seechange_ls4.geometry import SITE


def airmass_of(ra_deg: float, dec_deg: float, mjd: float) -> float:
    """Return the airmass of a position (ICRS) at a time (UTC)."""
    place = Place(SITE.longitude_deg, SITE.latitude_deg, SITE.elevation_m)
    airmass, _ = above_horizon(np.array([ra_deg]), np.array([dec_deg]), mjd, place)
    return float(airmass[0])

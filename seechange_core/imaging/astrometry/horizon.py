"""How positions stand above the horizon of a place."""

from __future__ import annotations

import erfa
import numpy as np

from seechange_core.frames import Floats
from seechange_core.imaging.astrometry.observer import Place, apparent_sky


def above_horizon(ra: Floats, dec: Floats, mjd_utc: float, place: Place) -> tuple[Floats, Floats]:
    """Return airmass and parallactic angle (deg) of positions.

    Parameters
    ----------
    ra, dec : array of shape (n,)
        ICRS (deg).
    mjd_utc : float
        Time.
    place : Place
        Of the telescope.

    Returns
    -------
    airmass : array of shape (n,)
        Pickering (2002), DIO 12, 1, 20; at the horizon and below it is that of the horizon, 38.7.
    parallactic_angle : array of shape (n,)
        Position angle of the zenith: from north through east, -180 to 180.
    """
    sky = apparent_sky(mjd_utc, place)
    right_ascension, declination = np.radians(ra), np.radians(dec)
    apparent = erfa.atciq(right_ascension, declination, 0.0, 0.0, 0.0, 0.0, sky)
    _, zenith_distance, hour_angle, observed_dec, _ = erfa.atioq(*apparent, sky)
    altitude_deg = np.maximum(90.0 - np.degrees(zenith_distance), 0.0)
    airmass = 1.0 / np.sin(np.radians(altitude_deg + 244.0 / (165.0 + 47.0 * altitude_deg**1.1)))
    latitude = np.radians(place.latitude_deg)
    return airmass, np.degrees(erfa.hd2pa(hour_angle, observed_dec, latitude))

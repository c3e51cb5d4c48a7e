"""The motion of stars across the sky."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Floats, StarTable

_DAYS_PER_YEAR = 365.25
_MAS = np.radians(1.0 / 3.6e6)


def at_epoch(stars: StarTable, epoch_mjd: float) -> StarTable:
    """Move stars to another epoch.

    The motion is linear in space without radial velocity: the unit vector moves along its tangent and is normalised
    (ESA 1997, The Hipparcos Catalogue, vol. 1, sect. 1.5.5), which holds at the poles and across right ascension 0.
    A star without proper motion stays.

    Parameters
    ----------
    stars : StarTable
        With ``meta["epoch_mjd"]``; ``pmra`` (mas/yr, times cos(dec)) and ``pmdec`` (mas/yr) where known, and
        ``pmra_error``, ``pmdec_error`` where known.
    epoch_mjd : float
        Wanted.

    Returns
    -------
    StarTable
        Positions and their errors at that epoch, and the epoch in its ``meta``.
    """
    if "pmra" not in stars or "pmdec" not in stars:
        return stars
    years = (epoch_mjd - float(stars.meta["epoch_mjd"])) / _DAYS_PER_YEAR
    alpha, delta = np.radians(stars["ra"]), np.radians(stars["dec"])
    east = _known(stars["pmra"]) * (years * _MAS)
    north = _known(stars["pmdec"]) * (years * _MAS)
    x = np.cos(delta) * np.cos(alpha) - east * np.sin(alpha) - north * np.sin(delta) * np.cos(alpha)
    y = np.cos(delta) * np.sin(alpha) + east * np.cos(alpha) - north * np.sin(delta) * np.sin(alpha)
    z = np.sin(delta) + north * np.cos(delta)
    moved = stars.with_columns(
        ra=np.degrees(np.arctan2(y, x)) % 360.0,
        dec=np.degrees(np.arctan2(z, np.hypot(x, y))),
        ra_error=_error(stars, "ra_error", "pmra_error", years),
        dec_error=_error(stars, "dec_error", "pmdec_error", years),
    )
    moved.meta["epoch_mjd"] = float(epoch_mjd)
    return moved


def _known(values: Floats) -> Floats:
    motion = np.asarray(values, np.float64)
    return np.where(np.isfinite(motion), motion, 0.0)


def _error(stars: StarTable, position: str, motion: str, years: float) -> Floats:
    error = np.asarray(stars[position], np.float64)
    return np.hypot(error, _known(stars[motion]) * years) if motion in stars else error

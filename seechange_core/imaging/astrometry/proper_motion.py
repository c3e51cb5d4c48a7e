"""Where stars appear at a time: their own motion across the sky, and the Earth's about the Sun."""

from __future__ import annotations

import erfa
import numpy as np

from seechange_core.frames import Floats, StarTable

_DAYS_PER_YEAR = 365.25
_MJD_ZERO = 2400000.5
_MAS = np.radians(1.0 / 3.6e6)
#: A parallax below this many of its errors would add more noise than it takes away.
_SIGNIFICANT_PARALLAX = 5.0


def at_epoch(stars: StarTable, epoch_mjd: float) -> StarTable:
    """Move stars to where they are seen at another epoch.

    The motion is linear in space without radial velocity: the unit vector moves along its tangent and is normalised
    (ESA 1997, The Hipparcos Catalogue, vol. 1, sect. 1.5.5), which holds at the poles and across right ascension 0.
    The parallax moves it against the Earth's position, where it is 5 times its error or more. A star without either
    stays. Aberration and the bending of light, which move all stars of an image together, are left to the fit.

    Parameters
    ----------
    stars : StarTable
        With ``meta["epoch_mjd"]``; ``pmra`` (mas/yr, times cos(dec)), ``pmdec`` (mas/yr) and ``parallax`` (mas) where
        known, and ``pmra_error``, ``pmdec_error``, ``parallax_error`` where known. Positions are as seen from the solar
        system's barycentre.
    epoch_mjd : float
        Wanted.

    Returns
    -------
    StarTable
        Positions and their errors at that epoch, and the epoch in its ``meta``. It has no ``parallax`` any more, for
        its positions contain it.
    """
    if not {"pmra", "pmdec", "parallax"} & set(stars):
        return stars
    years = (epoch_mjd - float(stars.meta["epoch_mjd"])) / _DAYS_PER_YEAR
    moves = "pmra" in stars and "pmdec" in stars
    position = _unit_vectors(stars)
    if moves:
        position += _tangent(stars, _known(stars["pmra"]) * years, _known(stars["pmdec"]) * years)
    if "parallax" in stars:
        position -= _significant_parallax(stars) * _MAS * _earth(epoch_mjd)[:, None]
    x, y, z = position
    columns = {name: stars[name] for name in stars if name not in {"parallax", "parallax_error"}}
    columns |= {"ra": np.degrees(np.arctan2(y, x)) % 360.0, "dec": np.degrees(np.arctan2(z, np.hypot(x, y)))}
    if moves:
        columns["ra_error"] = _error(stars, "ra_error", "pmra_error", years)
        columns["dec_error"] = _error(stars, "dec_error", "pmdec_error", years)
    return StarTable(columns, {**stars.meta, "epoch_mjd": float(epoch_mjd)})


def _unit_vectors(stars: StarTable) -> Floats:
    alpha, delta = np.radians(stars["ra"]), np.radians(stars["dec"])
    return np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)])


def _tangent(stars: StarTable, east_mas: Floats, north_mas: Floats) -> Floats:
    """Return vectors of shape (3, n) along east and north."""
    alpha, delta = np.radians(stars["ra"]), np.radians(stars["dec"])
    east = np.stack([-np.sin(alpha), np.cos(alpha), np.zeros_like(alpha)])
    north = np.stack([-np.sin(delta) * np.cos(alpha), -np.sin(delta) * np.sin(alpha), np.cos(delta)])
    return east * (east_mas * _MAS) + north * (north_mas * _MAS)


def _significant_parallax(stars: StarTable) -> Floats:
    parallax = _known(stars["parallax"])
    error = _known(stars["parallax_error"]) if "parallax_error" in stars else np.zeros_like(parallax)
    return np.where(parallax > _SIGNIFICANT_PARALLAX * error, parallax, 0.0)


def _earth(mjd: float) -> Floats:
    """Return the Earth's barycentric position (astronomical unit), which ERFA has to a few kilometres."""
    _, barycentric = erfa.epv00(_MJD_ZERO, mjd)
    return np.asarray(barycentric["p"], np.float64)


def _known(values: Floats) -> Floats:
    motion = np.asarray(values, np.float64)
    return np.where(np.isfinite(motion), motion, 0.0)


def _error(stars: StarTable, position: str, motion: str, years: float) -> Floats:
    error = np.asarray(stars[position], np.float64)
    return np.hypot(error, _known(stars[motion]) * years) if motion in stars else error

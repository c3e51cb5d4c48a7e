"""Nearest neighbours on the sky."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seechange_core.frames import Floats

_ARCSEC = np.degrees(1.0) * 3600.0


def nearest_on_sky(
    ra: Floats, dec: Floats, other_ra: Floats, other_dec: Floats
) -> tuple[Floats, NDArray[np.intp]]:
    """Return the distances (arcsec) from positions to the nearest of others, and which these are.

    Parameters
    ----------
    ra, dec : array of shape (n,)
        Degrees.
    other_ra, other_dec : array of shape (m,)
        Degrees.

    Returns
    -------
    distance : array of shape (n,)
        NaN where the position is not known or there are no others.
    index : array of shape (n,)
        Into the others; -1 where there is no distance.
    """
    distance, index = np.full(len(ra), np.nan), np.full(len(ra), -1, np.intp)
    known = np.isfinite(ra) & np.isfinite(dec)
    there = np.flatnonzero(np.isfinite(other_ra) & np.isfinite(other_dec))
    if known.any() and len(there):
        tree = cKDTree(unit_vectors(other_ra[there], other_dec[there]))
        chord, found = tree.query(unit_vectors(ra[known], dec[known]))
        distance[known] = 2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0)) * _ARCSEC
        index[known] = there[found]
    return distance, index


def taken(values: NDArray[Any], index: NDArray[np.intp], missing: Any) -> NDArray[Any]:
    """Return the values of the rows that an index names, and something else where it names none."""
    if not len(values):
        return np.full(len(index), missing, values.dtype)
    found = values[index]
    found[index < 0] = missing
    return found


def unit_vectors(ra: Floats, dec: Floats) -> Floats:
    """Return the directions of positions (deg), array of shape (n, 3)."""
    alpha, delta = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=-1)

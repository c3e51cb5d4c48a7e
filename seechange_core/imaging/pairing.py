"""Pairs of points of two lists that lie close together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seechange_core.frames import Floats

Index = NDArray[np.intp]


def mutual_pairs(
    x: Floats, y: Floats, x_other: Floats, y_other: Floats, radius: float
) -> tuple[Index, Index]:
    """Pair points that are each other's nearest neighbour within a radius.

    Returns
    -------
    first, second : index arrays of equal length
        Rows of the first and of the second list, ordered by the first. Points that are not finite have no pair.
    """
    here, there = np.flatnonzero(np.isfinite(x + y)), np.flatnonzero(np.isfinite(x_other + y_other))
    if len(here) == 0 or len(there) == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    first = np.stack([x[here], y[here]], axis=1)
    second = np.stack([x_other[there], y_other[there]], axis=1)
    distance, nearest = (
        np.asarray(found) for found in cKDTree(second).query(first, distance_upper_bound=radius)
    )
    found = np.flatnonzero(np.isfinite(distance))
    back = np.asarray(cKDTree(first).query(second[nearest[found]])[1])
    found = found[back == found]
    return here[found], there[nearest[found]]

"""Pairs of points of two lists that lie close together."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

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
    x, y, x_other, y_other = (
        np.ascontiguousarray(values, np.float64)
        for values in (x[here], y[here], x_other[there], y_other[there])
    )
    nearest = _mutual_nearest(x, y, x_other, y_other, float(radius))
    found = np.flatnonzero(nearest >= 0)
    return here[found], there[nearest[found]]


@numba.njit(cache=True, nogil=True)
def _mutual_nearest(x, y, x_other, y_other, radius):  # type: ignore[no-untyped-def]
    """Return for each point the other one with which it forms a mutual pair, or -1."""
    x_min, x_max, y_min, y_max = x_other.min(), x_other.max(), y_other.min(), y_other.max()
    # About as many cells as points.
    per_side = np.ceil(np.sqrt(len(x_other)))
    cell = max(radius, (x_max - x_min) / per_side, (y_max - y_min) / per_side)
    if cell <= 0.0:
        cell = 1.0
    columns, rows = int((x_max - x_min) / cell) + 1, int((y_max - y_min) / cell) + 1
    start = np.zeros(rows * columns + 1, np.int64)
    cell_of = np.empty(len(x_other), np.int64)
    for j in range(len(x_other)):
        cell_of[j] = int((y_other[j] - y_min) / cell) * columns + int((x_other[j] - x_min) / cell)
        start[cell_of[j] + 1] += 1
    for number in range(rows * columns):
        start[number + 1] += start[number]
    sorted_others = np.empty(len(x_other), np.int64)
    filled = start[:-1].copy()
    for j in range(len(x_other)):
        sorted_others[filled[cell_of[j]]] = j
        filled[cell_of[j]] += 1
    nearest = np.full(len(x), -1, np.int64)
    nearest_back = np.full(len(x_other), -1, np.int64)
    shortest_back = np.full(len(x_other), np.inf)
    for i in range(len(x)):
        if not (x_min - radius <= x[i] <= x_max + radius and y_min - radius <= y[i] <= y_max + radius):
            continue
        column, row = int(np.floor((x[i] - x_min) / cell)), int(np.floor((y[i] - y_min) / cell))
        shortest = np.inf
        for near_row in range(max(row - 1, 0), min(row + 2, rows)):
            for near_column in range(max(column - 1, 0), min(column + 2, columns)):
                place = near_row * columns + near_column
                for k in range(start[place], start[place + 1]):
                    j = sorted_others[k]
                    distance = (x[i] - x_other[j]) ** 2 + (y[i] - y_other[j]) ** 2
                    if distance > radius * radius:
                        continue
                    if distance < shortest:
                        shortest = distance
                        nearest[i] = j
                    if distance < shortest_back[j]:
                        shortest_back[j] = distance
                        nearest_back[j] = i
    for i in range(len(x)):
        if nearest[i] >= 0 and nearest_back[nearest[i]] != i:
            nearest[i] = -1
    return nearest

"""Medians inside compiled loops."""

from __future__ import annotations

import numba
import numpy as np

from seechange_core.frames import Pixels


@numba.njit(cache=True)
def select(values: Pixels, number: int, rank: int) -> np.float32:
    """Return the value of a rank (from 0) among the first `number` values, which are put in another order.

    Afterwards no value before the rank is larger, and none after it smaller. Hoare (1961), Comm. ACM 4, 321.
    """
    low, high = 0, number - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if rank <= right:
            high = right
        elif rank >= left:
            low = left
        else:
            break
    return values[rank]


@numba.njit(cache=True)
def median_of(values: Pixels, number: int) -> np.float32:
    """Return the median of the first `number` values, which are put in another order; NaN of none."""
    if number == 0:
        return np.float32(np.nan)
    upper = select(values, number, number // 2)
    if number % 2:
        return upper
    lower = values[0]
    for place in range(1, number // 2):
        lower = max(lower, values[place])
    return np.float32(0.5) * (lower + upper)


@numba.njit(cache=True)
def block_medians(image: Pixels, side: int) -> Pixels:
    """Return the medians of square blocks.

    Parameters
    ----------
    image : array of shape (ny, nx), float32
        NaN where there is no value.
    side : int
        Of a block (pixel); blocks at the upper ends may be smaller.

    Returns
    -------
    array of shape (ceil(ny / side), ceil(nx / side)), float32
        NaN where less than a tenth of a block has values.
    """
    ny, nx = image.shape
    my, mx = (ny + side - 1) // side, (nx + side - 1) // side
    medians = np.empty((my, mx), np.float32)
    values = np.empty(side * side, np.float32)
    for j in range(my):
        for i in range(mx):
            number, whole = 0, 0
            for y in range(j * side, min(ny, (j + 1) * side)):
                for x in range(i * side, min(nx, (i + 1) * side)):
                    whole += 1
                    if np.isfinite(image[y, x]):
                        values[number] = image[y, x]
                        number += 1
            enough = 10 * number >= whole
            medians[j, i] = median_of(values, number) if enough else np.float32(np.nan)
    return medians

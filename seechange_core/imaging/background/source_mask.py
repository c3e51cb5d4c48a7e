"""Which part of an image holds the light of sources, wings included."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Pixels

_DIAGONAL = np.float32(math.sqrt(2.0))


@njit(cache=True)
def grown_with_size(area: NDArray[np.bool_], factor: float, margin: float) -> NDArray[np.bool_]:
    """Grow an area around each of its parts by a multiple of that part's thickness.

    The wings of a bright star or a large galaxy reach further beyond what is seen of them than those of a faint star.

    Parameters
    ----------
    area : bool array of shape (ny, nx)
        What is seen.
    factor : float
        A round part of radius r grows to ``factor * r + margin``; at least 1.
    margin : float
        Pixel.

    Notes
    -----
    Around each pixel of the area a disc of `factor` times its distance from the area's rim is drawn, with two sweeps
    over the image for the distances and two for the discs: Borgefors (1986), Computer Vision, Graphics, and Image
    Processing 34, 344.
    """
    ny, nx = area.shape
    reach = np.zeros((ny + 2, nx + 2), np.float32)
    far = np.float32(ny + nx)
    for y in range(1, ny + 1):
        for x in range(1, nx + 1):
            if area[y - 1, x - 1]:
                straight = min(reach[y, x - 1], reach[y - 1, x])
                diagonal = min(reach[y - 1, x - 1], reach[y - 1, x + 1])
                reach[y, x] = min(far, straight + np.float32(1.0), diagonal + _DIAGONAL)
    for y in range(ny, 0, -1):
        for x in range(nx, 0, -1):
            if area[y - 1, x - 1]:
                straight = min(reach[y, x + 1], reach[y + 1, x])
                diagonal = min(reach[y + 1, x - 1], reach[y + 1, x + 1])
                reach[y, x] = min(reach[y, x], straight + np.float32(1.0), diagonal + _DIAGONAL)
    for y in range(1, ny + 1):
        for x in range(1, nx + 1):
            if area[y - 1, x - 1]:
                reach[y, x] = np.float32(factor) * reach[y, x] + np.float32(margin)
            straight = max(reach[y, x - 1], reach[y - 1, x])
            diagonal = max(reach[y - 1, x - 1], reach[y - 1, x + 1])
            reach[y, x] = max(reach[y, x], straight - np.float32(1.0), diagonal - _DIAGONAL)
    for y in range(ny, 0, -1):
        for x in range(nx, 0, -1):
            straight = max(reach[y, x + 1], reach[y + 1, x])
            diagonal = max(reach[y + 1, x - 1], reach[y + 1, x + 1])
            reach[y, x] = max(reach[y, x], straight - np.float32(1.0), diagonal - _DIAGONAL)
    return reach[1:-1, 1:-1] > 0.0


@njit(cache=True)
def binned_pairs(data: Pixels, mask: NDArray[np.bool_]) -> tuple[Pixels, NDArray[np.bool_], Pixels]:
    """Average squares of two by two pixels.

    Parameters
    ----------
    data, mask : array of shape (ny, nx)
        Pixels, and which of them not to use.

    Returns
    -------
    array of shape ((ny + 1) // 2, (nx + 1) // 2), float32
        Means; 0 where no pixel can be used.
    bool array
        Where that is so.
    array, float32
        1 / number of pixels in the mean: its variance relative to that of one pixel; 1 for none.
    """
    ny, nx = data.shape
    shape = ((ny + 1) // 2, (nx + 1) // 2)
    means, empty, variance = (
        np.zeros(shape, np.float32),
        np.zeros(shape, np.bool_),
        np.ones(shape, np.float32),
    )
    for j in range(shape[0]):
        total, count = means[j], variance[j]
        count[:] = 0.0
        for y in range(2 * j, min(ny, 2 * j + 2)):
            for first in range(2):
                row, bad = data[y, first::2], mask[y, first::2]
                for i in range(len(row)):
                    total[i] += np.float32(0.0) if bad[i] else row[i]
                    count[i] += np.float32(0.0) if bad[i] else np.float32(1.0)
        for i in range(shape[1]):
            empty[j, i] = count[i] == 0.0
            variance[j, i] = np.float32(1.0) / max(count[i], np.float32(1.0))
            means[j, i] *= variance[j, i]
    return means, empty, variance

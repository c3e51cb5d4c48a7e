"""How noisy a score image is from place to place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels

_SIGMA_OF_MAD = 1.4826022185056018
#: Every so many pixels in each direction are looked at: nearer ones are correlated and tell nothing more.
_STRIDE = 4
#: Blocks with fewer samples are not judged.
_LEAST = 100


@dataclass(frozen=True)
class LocalNoise:
    """Scatter of a score in blocks of pixels.

    Parameters
    ----------
    values : array of shape (rows, columns)
        At least 1.
    block : int
        Side of a block (pixel).
    """

    values: Floats
    block: int

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return the scatter at positions (pixel); those off the image have that of the nearest block."""
        rows, columns = self.values.shape
        column, row = (np.floor((values + 0.5) / self.block).astype(np.intp) for values in (x, y))
        scatter: Floats = self.values[row.clip(0, rows - 1), column.clip(0, columns - 1)]
        return scatter


def local_noise(score: Pixels, block: int, tolerance: float) -> LocalNoise:
    """Measure the scatter of a score where it is larger than it should be.

    Parameters
    ----------
    score : array of shape (ny, nx)
        In sigma; NaN where nothing was measured.
    block : int
        Side of the blocks (pixel).
    tolerance : float
        A scatter of less than 1 plus this is taken for 1. That of a block is uncertain by some per cent.

    Notes
    -----
    From the median absolute deviation of every fourth pixel in each direction, which a few sources do not change.
    """
    scatter = _scatter_in_blocks(score, block)
    with np.errstate(invalid="ignore"):
        return LocalNoise(np.where(scatter > 1.0 + tolerance, scatter, 1.0), block)


@njit(cache=True)
def _scatter_in_blocks(score: Pixels, block: int) -> NDArray[np.float64]:
    ny, nx = score.shape
    scatter = np.full((-(-ny // block), -(-nx // block)), np.nan)
    side = -(-block // _STRIDE)
    sample = np.empty(side * side, np.float32)
    for i in range(scatter.shape[0]):
        for j in range(scatter.shape[1]):
            n = 0
            for y in range(i * block, min((i + 1) * block, ny), _STRIDE):
                for x in range(j * block, min((j + 1) * block, nx), _STRIDE):
                    value = score[y, x]
                    if not np.isnan(value):
                        sample[n] = value
                        n += 1
            if n >= _LEAST:
                middle = np.median(sample[:n])
                scatter[i, j] = _SIGMA_OF_MAD * np.median(np.abs(sample[:n] - middle))
    return scatter

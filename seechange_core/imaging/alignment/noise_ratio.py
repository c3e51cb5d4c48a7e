"""How noisy single pixels are compared with their variance."""

from __future__ import annotations

import numba
import numpy as np

from seechange_core.frames import Mask, Pixels

_BLOCK = 32
_CLIP = 3.5
_BLOCKS_PER_AXIS = 12
_SIGMA_OF_MAD = 1.4826022185056018


def sky_scatter(data: Pixels, variance: Pixels, mask: Mask) -> float:
    """Return the scatter of pixels divided by the square root of their variance.

    The median over small blocks, blind to stars, gradients and holes; 0 where nothing can be measured. Compared before
    and after resampling it tells how much smoother single pixels became.
    """
    step_y, step_x = (max(side // _BLOCKS_PER_AXIS, _BLOCK) for side in data.shape)
    found = _scatter_of_blocks(data, variance, mask, step_y, step_x)
    return float(np.median(found)) if len(found) else 0.0


@numba.njit(cache=True, nogil=True)
def _scatter_of_blocks(data, variance, mask, step_y, step_x):  # type: ignore[no-untyped-def]
    """Return the clipped standard deviation of data / sqrt(variance) in each block that is good for more than half.

    Not the median deviation: resampled noise varies with the subpixel phase and is not Gaussian.
    """
    ny, nx = data.shape
    found = np.empty((ny // step_y + 1) * (nx // step_x + 1))
    n_found = 0
    pull = np.empty(_BLOCK * _BLOCK)
    for top in range(0, ny - _BLOCK + 1, step_y):
        for left in range(0, nx - _BLOCK + 1, step_x):
            n = 0
            for y in range(top, top + _BLOCK):
                for x in range(left, left + _BLOCK):
                    if mask[y, x] == 0 and variance[y, x] > 0.0 and np.isfinite(data[y, x]):
                        pull[n] = data[y, x] / np.sqrt(variance[y, x])
                        n += 1
            if n <= _BLOCK * _BLOCK // 2:
                continue
            values = pull[:n] - np.median(pull[:n])
            limit = _CLIP * _SIGMA_OF_MAD * np.median(np.abs(values))
            total, squares, kept = 0.0, 0.0, 0
            for value in values:
                if abs(value) <= limit:
                    total += value
                    squares += value * value
                    kept += 1
            found[n_found] = np.sqrt(max(squares / kept - (total / kept) ** 2, 0.0))
            n_found += 1
    return found[:n_found]

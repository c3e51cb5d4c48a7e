"""How noisy single pixels are compared with their variance."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Mask, Pixels
from seechange_core.imaging.robust import scatter

_BLOCK = 32
_CLIP = 3.5
_BLOCKS_PER_AXIS = 16


def sky_scatter(data: Pixels, variance: Pixels, mask: Mask) -> float:
    """Return the scatter of pixels divided by the square root of their variance.

    The median over small blocks, blind to stars, gradients and holes; 0 where nothing can be measured. Compared before
    and after resampling it tells how much smoother single pixels became.
    """
    found = []
    step_y, step_x = (max(side // _BLOCKS_PER_AXIS, _BLOCK) for side in data.shape)
    for y in range(0, data.shape[0] - _BLOCK + 1, step_y):
        for x in range(0, data.shape[1] - _BLOCK + 1, step_x):
            block = np.s_[y : y + _BLOCK, x : x + _BLOCK]
            good = (mask[block] == 0) & (variance[block] > 0) & np.isfinite(data[block])
            if np.count_nonzero(good) > 0.5 * _BLOCK**2:
                pull = data[block][good] / np.sqrt(variance[block][good])
                pull -= np.median(pull)
                # Not the median deviation: resampled noise varies with the subpixel phase and is not Gaussian.
                found.append(float(np.std(pull[np.abs(pull) <= _CLIP * scatter(pull)])))
    return float(np.median(found)) if found else 0.0

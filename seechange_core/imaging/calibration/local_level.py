"""The level around each pixel of a calibration frame, which a deviating pixel is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seechange_core.frames import Amplifier, Pixels
from seechange_core.imaging.order_statistics import block_medians
from seechange_core.imaging.robust import scatter

_SIDE = 64


def local_level(data: Pixels, amplifiers: Sequence[Amplifier]) -> Pixels:
    """Return medians of blocks of 64 pixels, interpolated within each amplifier.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        NaN where unknown.
    amplifiers : sequence of Amplifier
        Between two of them the level may jump.
    """
    level = np.zeros(data.shape, np.float32)
    for amplifier in amplifiers:
        part = np.ascontiguousarray(data[amplifier.data.slices])
        medians = block_medians(part, _SIDE)
        known = np.isfinite(medians)
        filled = np.where(known, medians, np.median(medians[known]) if known.any() else np.float32(0.0))
        rows, columns = (_linear_weights(length, _SIDE) for length in part.shape)
        level[amplifier.data.slices] = rows @ filled @ columns.T
    return level


def local_scatter(deviation: Pixels, amplifiers: Sequence[Amplifier]) -> Pixels:
    """Return the robust scatter of each amplifier's deviations from the local level, at all of its pixels."""
    result = np.zeros(deviation.shape, np.float32)
    for amplifier in amplifiers:
        part = deviation[amplifier.data.slices]
        result[amplifier.data.slices] = scatter(part[np.isfinite(part)])
    return result


def _linear_weights(length: int, side: int) -> Pixels:
    """Return weights (length, n_blocks) that interpolate linearly between the middles of blocks."""
    edges = np.append(np.arange(0, length, side), length)
    middles = (edges[:-1] + edges[1:] - 1) / 2.0
    pixel = np.arange(length)
    return np.stack([np.interp(pixel, middles, unit) for unit in np.eye(len(middles))], 1).astype(np.float32)

"""The electronic level of an amplifier, from the pixels that never see light."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.robust import scatter

_CLIP_SIGMA = 4.0


def overscan_level(pixels: Pixels) -> float:
    """Return the level of an amplifier (ADU): the clipped mean of its overscan, shape (ny, nx)."""
    middle = float(np.median(pixels))
    deviation = pixels - middle
    kept = np.abs(deviation) <= _limit(deviation)
    return middle + float(deviation[kept].mean(dtype=np.float64))


def overscan_by_row(pixels: Pixels, smoothing_rows: int) -> Floats:
    """Return the level of each row (ADU).

    Parameters
    ----------
    pixels : array of shape (ny, nx)
        Overscan.
    smoothing_rows : int
        Length of the running mean along the rows: without it the read noise of the overscan would be printed onto
        the image as stripes.

    Returns
    -------
    array of shape (ny,)

    Notes
    -----
    Pixels far off their row, and rows far off those around them (charge that bled or trailed into the overscan), do
    not enter: the first are clipped, the second replaced by a running median.
    """
    middle = np.median(pixels, axis=1, keepdims=True)
    deviation = pixels - middle
    limit = _limit(deviation)
    rows = middle[:, 0] + np.clip(deviation, -limit, limit).mean(axis=1, dtype=np.float64)
    length = min(smoothing_rows, len(rows))
    around = median_filter(rows, length, mode="nearest")
    far = np.abs(rows - around) > _CLIP_SIGMA * scatter(rows - around)
    return np.asarray(uniform_filter1d(np.where(far, around, rows), length, mode="nearest"), np.float64)


def overscan_noise(pixels: Pixels) -> float:
    """Return the read noise (ADU): the clipped scatter of overscan pixels, shape (ny, nx), about their row."""
    deviation = pixels - pixels.mean(axis=1, keepdims=True)
    kept = np.abs(deviation) <= _limit(deviation)
    # The mean of a row takes part of the noise of its n pixels with it.
    return float(deviation[kept].std(dtype=np.float64) / np.sqrt(1.0 - 1.0 / max(pixels.shape[1], 2)))


def _limit(deviation: Pixels) -> float:
    """Return the clipping limit; at least one step of the converter, whose numbers may all be equal."""
    return max(_CLIP_SIGMA * scatter(deviation), 1.0)

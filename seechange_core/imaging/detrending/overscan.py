"""The electronic level of an amplifier, from the pixels that never see light."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.robust import scatter

_CLIP_SIGMA = 4.0
_END_ROWS = 5
#: Read noise is measured on about so many rows.
_NOISE_ROWS = 1000


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
        Length of the running mean along the rows, which at the ends becomes a straight line: without it the read
        noise of the overscan would be printed onto the image as stripes.

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
    return _smoothed(rows, min(smoothing_rows, len(rows) - (len(rows) + 1) % 2))


def overscan_noise(pixels: Pixels) -> float:
    """Return the read noise (ADU): the clipped scatter of overscan pixels, shape (ny, nx), about their row."""
    sample = pixels[:: max(1, len(pixels) // _NOISE_ROWS)]
    deviation = sample - sample.mean(axis=1, keepdims=True)
    kept = np.abs(deviation) <= _limit(deviation)
    # The mean of a row takes part of the noise of its n pixels with it.
    return float(deviation[kept].std(dtype=np.float64) / np.sqrt(1.0 - 1.0 / max(pixels.shape[1], 2)))


def _smoothed(rows: Floats, length: int) -> Floats:
    half = (length - 1) // 2
    if half < 1:
        return rows
    # Mirrored about its ends, a drift goes on beyond them; their own noise must not.
    first, last = np.median(rows[:_END_ROWS]), np.median(rows[-_END_ROWS:])
    padded = np.concatenate([2 * first - rows[half:0:-1], rows, 2 * last - rows[-2 : -half - 2 : -1]])
    around = median_filter(padded, 2 * half + 1)[half : half + len(rows)]
    far = np.abs(rows - around) > _CLIP_SIGMA * scatter(rows - around)
    cleaned = np.where(far, around, rows)
    smooth = uniform_filter1d(cleaned, 2 * half + 1, mode="nearest")
    offset = np.arange(-half, half + 1)
    for window, end in ((cleaned[: 2 * half + 1], np.s_[:half]), (cleaned[-2 * half - 1 :], np.s_[-half:])):
        line = window.mean() + offset * (offset @ window) / (offset @ offset)
        smooth[end] = line[end]
    return smooth


def _limit(deviation: Pixels) -> float:
    """Return the clipping limit; at least one step of the converter, whose numbers may all be equal."""
    return max(_CLIP_SIGMA * scatter(deviation[:: max(1, len(deviation) // _NOISE_ROWS)]), 1.0)

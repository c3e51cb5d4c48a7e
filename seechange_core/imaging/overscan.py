"""The electronic level of an amplifier, from the pixels that never see light."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from seechange_core.frames import Floats, Pixels


def overscan_level(pixels: Pixels) -> float:
    """Return the level of an amplifier (ADU): the median of its overscan, shape (ny, nx)."""
    return float(np.median(pixels))


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
    """
    deviation = pixels - np.median(pixels)
    limit = 5.0 * 1.4826 * np.median(np.abs(deviation))
    clipped = np.median(pixels) + np.clip(deviation, -limit, limit)
    rows = clipped.mean(axis=1, dtype=np.float64)
    return np.asarray(uniform_filter1d(rows, min(smoothing_rows, len(rows)), mode="nearest"))

"""The smooth part of a response: what is left of it on scales of a hundred pixels and more."""

from __future__ import annotations

import math

import numpy as np

from seechange_core.frames import BackgroundModel, Pixels
from seechange_core.imaging.background.mesh import without_outliers
from seechange_core.imaging.background.smooth_background import background_image
from seechange_core.imaging.order_statistics import block_medians

_CELL = 64


def smooth_response(data: Pixels) -> Pixels:
    """Return a smooth surface through the medians of cells of some 64 pixels, scaled to median 1.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Response; NaN where unknown.

    Raises
    ------
    ValueError
        If no cell has enough values.
    """
    ny, nx = data.shape
    side = math.ceil(max(ny, nx) / max(1, round(max(ny, nx) / _CELL)))
    medians = block_medians(data, side)
    if not np.isfinite(medians).any():
        raise ValueError("nowhere enough pixels are left to measure a smooth response")
    level = without_outliers(medians, 3)
    surface = background_image(
        BackgroundModel(level, np.zeros_like(level), (side, side), data.shape, 1.0, 0.0)
    )
    return surface / np.float32(np.median(surface))

"""Bringing images whose zero points vary over their pixels to one scale."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Floats, PhotometricSolution
from seechange_core.imaging.alignment.pixel_map import PixelMap
from seechange_core.imaging.alignment.warping import FluxFactor


def variation_factor(
    source: PhotometricSolution, pixel_map: PixelMap, target: PhotometricSolution | None = None
) -> FluxFactor | None:
    """Return what a warped image is multiplied with so that one number brings it to the scale of the target.

    Parameters
    ----------
    source : PhotometricSolution
        Of the image that is warped.
    pixel_map : PixelMap
        From the target's pixels to the source's.
    target : PhotometricSolution, optional
        Of the grid that it is warped to; a grid of the sky has none, and does not vary.

    Returns
    -------
    callable or None
        For `warping.warp_frame`. With it the ratio of fluxes is that of the mean zero points everywhere. None where
        neither zero point varies.
    """
    if not source.variation and (target is None or not target.variation):
        return None

    def factor(x: Floats, y: Floats) -> Floats:
        magnitudes = source.zero_point_at(*pixel_map(x, y)) - source.zero_point
        if target is not None:
            magnitudes = magnitudes - (target.zero_point_at(x, y) - target.zero_point)
        return np.asarray(10.0 ** (-0.4 * magnitudes), np.float64)

    return factor

"""Finding sources on a map of significance."""

from __future__ import annotations

from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray

from seechange_core.frames import Pixels

_DEBLEND_LEVELS = 32
_SPARE_PIXELS = 10_000
_MOST_PARTS_OF_A_GROUP = 4096


def find_sources(
    significance: Pixels, *, threshold: float, min_pixels: int, deblend_contrast: float
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Find sources as groups of pixels above a threshold, and split those with several peaks.

    Parameters
    ----------
    significance : array of shape (ny, nx), float32
        Of a point source at each pixel (sigma); 0 where masked.
    threshold : float
        Least significance of a pixel (sigma).
    min_pixels : int
        Fewest pixels of a source.
    deblend_contrast : float
        Least part of a group's sum that its own peak must have to become a source.

    Returns
    -------
    structured array
        As `sep.extract` describes it.
    array of shape (ny, nx), int32
        Number of the source that each pixel belongs to, from 1; 0 for none.
    """
    # sep wants to be told how many pixels it will have to hold at once; it touches all of that memory.
    sep.set_extract_pixstack(np.count_nonzero(significance > threshold) + _SPARE_PIXELS)
    sep.set_sub_object_limit(_MOST_PARTS_OF_A_GROUP)
    sources, segments = sep.extract(
        significance,
        threshold,
        minarea=min_pixels,
        filter_kernel=None,
        deblend_nthresh=_DEBLEND_LEVELS,
        deblend_cont=deblend_contrast,
        clean=False,
        segmentation_map=True,
    )
    return sources, segments

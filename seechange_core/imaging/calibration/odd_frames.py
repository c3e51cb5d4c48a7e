"""Which of many calibration exposures are not like the others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.robust import scatter

#: How many times the usual deviation makes an exposure odd.
_OUTLIER = 5.0
_NOISE_OUTLIER = 1.5
_FEWEST_TO_COMPARE = 3


def odd_levels(levels: Sequence[float], tolerance: float, unit: str) -> dict[int, str]:
    """Return which exposures have another level than most, and a sentence that says so.

    Parameters
    ----------
    levels : sequence of float
        Of each exposure.
    tolerance : float
        Least deviation that counts.
    unit : str
        Of both, for the sentence.
    """
    if len(levels) < _FEWEST_TO_COMPARE:
        return {}
    values = np.asarray(levels, np.float64)
    middle = float(np.median(values))
    limit = max(_OUTLIER * scatter(values), tolerance)
    return {
        int(number): f"its level is {values[number]:.4g} {unit}, that of the others {middle:.4g}"
        for number in np.nonzero(np.abs(values - middle) > limit)[0]
    }


def odd_shapes(blocks: Pixels, tolerance: float, unit: str) -> dict[int, str]:
    """Return which exposures have another large-scale shape than most, and a sentence that says so.

    Parameters
    ----------
    blocks : array of shape (n_exposures, my, mx)
        Scaled levels of blocks of pixels; NaN where unknown.
    tolerance : float
        Least deviation that counts: a standard deviation over the blocks.
    unit : str
        Of both, for the sentence.
    """
    if len(blocks) < _FEWEST_TO_COMPARE:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        shapes = blocks - np.nanmedian(blocks, axis=(1, 2), keepdims=True)
        deviations = np.nan_to_num(np.nanstd(shapes - np.nanmedian(shapes, axis=0), axis=(1, 2)))
    limit = max(_OUTLIER * float(np.median(deviations)), tolerance)
    return {
        int(number): f"its shape differs from that of the others by {deviations[number]:.2g} {unit}".rstrip()
        for number in np.nonzero(deviations > limit)[0]
    }


def odd_noise(noise: Pixels) -> dict[int, str]:
    """Return which exposures are noisier than most, and a sentence that says so.

    Parameters
    ----------
    noise : array of shape (n_exposures, n)
        Deviations of pixels from the median exposure, in units of what their noise should be.
    """
    if len(noise) < _FEWEST_TO_COMPARE:
        return {}
    ratios: Floats = np.array([scatter(one[np.isfinite(one)]) for one in noise])
    usual = float(np.median(ratios))
    return {
        int(number): f"its noise is {ratios[number] / usual:.1f} times that of the others"
        for number in np.nonzero(ratios > _NOISE_OUTLIER * usual)[0]
    }

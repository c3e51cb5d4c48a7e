"""Finding sources on a map of significance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Frame, MaskPlane, Pixels
from seechange_core.imaging.matched_filter import gaussian_profile
from seechange_core.imaging.sources.deblending import split_groups
from seechange_core.imaging.sources.segment_measurement import light_sums, peak_positions, principal_axes
from seechange_core.imaging.usable_pixels import unusable_pixels

#: Flags of a source.
BLENDED, ON_THE_EDGE = 1, 2

# Between the peaks of two equal stars the valley is deepest, in units of its noise, with half the stars' own width.
_SHARP_KERNEL = 0.5
# Groups reach down to here, so that the noise on the slopes of a large source is not taken for further sources.
_FOOT_SIGMA = 2.5
_SOURCE = np.dtype(
    {
        "names": ["x", "y", "xpeak", "ypeak", "flux", "npix", "a", "b", "theta", "flag"],
        "formats": ["f8", "f8", "i4", "i4", "f8", "i4", "f8", "f8", "f8", "i4"],
    }
)


def find_sources(
    image: Frame,
    significance: Pixels,
    *,
    kernel_fwhm: float,
    threshold: float,
    min_pixels: int,
    deblend_sigma: float,
    deblend_contrast: float,
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Find sources as groups of pixels above a threshold, and split those with several peaks.

    Parameters
    ----------
    image : Frame
        Background subtracted.
    significance : array of shape (ny, nx), float32
        Of a point source at each pixel (sigma); 0 where masked.
    kernel_fwhm : float
        Of the filter that gave the significance; peaks are told apart with a narrower one (pixel).
    threshold : float
        Least significance of a pixel (sigma).
    min_pixels : int
        Fewest pixels of a source above the threshold.
    deblend_sigma, deblend_contrast : float
        How far a peak must rise above the valley towards a higher one: in sigma, and as a part of its height.

    Returns
    -------
    structured array
        ``x``, ``y`` (pixel, of the peak), ``xpeak``, ``ypeak`` (its pixel), ``flux`` (sum of the significance),
        ``npix``, ``a``, ``b``, ``theta`` (second moments of the significance: pixel, radian), ``flag`` (`BLENDED` |
        `ON_THE_EDGE`).
    array of shape (ny, nx), int32
        Number of the source that each pixel belongs to, from 1; 0 for none.

    Notes
    -----
    Saturated pixels are the highest of all, so that the rim of a saturated star's core is not taken for many stars.
    """
    mask = unusable_pixels(image)
    y, x, full = _footprint(
        significance, image.mask, min(threshold, _FOOT_SIGMA), image.mask.dtype.type(MaskPlane.SATURATED)
    )
    profile = gaussian_profile(_SHARP_KERNEL * kernel_fwhm)
    sharp = _sharp_significance(image.data, image.variance, mask, y, x, profile)
    smooth = significance[y, x]
    for height in (sharp, smooth):
        height[full] = height[~full].max(initial=np.float32(threshold))
    owner, peak, blended = split_groups(
        sharp, smooth, y, x, image.shape, least_rise=deblend_sigma, contrast=deblend_contrast
    )
    found = np.zeros(len(peak), _SOURCE)
    found["xpeak"], found["ypeak"] = x[peak], y[peak]
    found["x"], found["y"] = peak_positions(sharp, full, y, x, owner, peak).T
    found["npix"] = np.bincount(owner[smooth > threshold], minlength=len(peak))
    sums = light_sums(smooth, y, x, owner, peak)
    found["flux"] = sums[:, 0]
    found["a"], found["b"], found["theta"] = principal_axes(sums)
    on_edge = (y == 0) | (x == 0) | (y == image.shape[0] - 1) | (x == image.shape[1] - 1)
    found["flag"] = BLENDED * blended | ON_THE_EDGE * (np.bincount(owner[on_edge], minlength=len(peak)) > 0)
    enough = found["npix"] >= min_pixels
    segments = np.zeros(image.shape, np.int32)
    segments[y, x] = np.where(enough, np.cumsum(enough), 0)[owner]
    return found[enough], segments


@njit(cache=True)
def _footprint(
    significance: Pixels, mask: NDArray[Any], foot: float, saturated: np.unsignedinteger[Any]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """Rows and columns of all pixels that may belong to a source, and which of them are saturated."""
    ny, nx = significance.shape
    rows = np.empty(ny * nx, np.int32)
    columns = np.empty(ny * nx, np.int32)
    full = np.empty(ny * nx, np.bool_)
    number = 0
    for y in range(ny):
        for x in range(nx):
            is_full = (mask[y, x] & saturated) != 0
            if significance[y, x] > foot or is_full:
                rows[number], columns[number], full[number] = y, x, is_full
                number += 1
    return rows[:number].copy(), columns[:number].copy(), full[:number].copy()


@njit(cache=True)
def _sharp_significance(
    data: Pixels,
    variance: Pixels,
    mask: NDArray[np.bool_],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    profile: Pixels,
) -> Pixels:
    """Compute `matched_filter.significance` at some pixels only."""
    ny, nx = data.shape
    reach = len(profile) - 1
    result = np.zeros(len(rows), np.float32)
    for number in range(len(rows)):
        row, column = rows[number], columns[number]
        signal, information = np.float32(0.0), np.float32(0.0)
        for j in range(max(0, row - reach), min(ny, row + reach + 1)):
            for i in range(max(0, column - reach), min(nx, column + reach + 1)):
                if not mask[j, i]:
                    kernel = profile[abs(j - row)] * profile[abs(i - column)]
                    weighted = kernel / variance[j, i]
                    signal += weighted * data[j, i]
                    information += kernel * weighted
        if information > 0.0:
            result[number] = signal / np.sqrt(information)
    return result

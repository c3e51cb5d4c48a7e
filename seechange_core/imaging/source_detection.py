"""Finding sources on a map of significance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Frame, MaskPlane, Pixels
from seechange_core.imaging.deblending import split_groups
from seechange_core.imaging.matched_filter import gaussian_profile
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
    saturated = (image.mask & MaskPlane.SATURATED) > 0
    y, x = np.nonzero((significance > min(threshold, _FOOT_SIGMA)) | saturated)
    profile = gaussian_profile(_SHARP_KERNEL * kernel_fwhm)
    sharp = _sharp_significance(image.data, image.variance, mask, y, x, profile)
    smooth = significance[y, x]
    full = saturated[y, x]
    for height in (sharp, smooth):
        height[full] = height[~full].max(initial=np.float32(threshold))
    owner, peak, blended = split_groups(
        sharp, smooth, y, x, image.shape, least_rise=deblend_sigma, contrast=deblend_contrast
    )
    found = np.zeros(len(peak), _SOURCE)
    light = significance[y, x].astype(np.float64)
    found["npix"] = np.bincount(owner[light > threshold], minlength=len(peak))
    found["flux"] = np.bincount(owner, light, len(peak))
    found["xpeak"], found["ypeak"] = x[peak], y[peak]
    top = np.where(full[peak[owner]], full, np.maximum(abs(x - x[peak[owner]]), abs(y - y[peak[owner]])) <= 1)
    found["x"], found["y"] = _centroids(sharp.astype(np.float64) ** 2 * top, x, y, owner, len(peak))
    found["a"], found["b"], found["theta"] = _shapes(light, x, y, owner, len(peak))
    on_edge = (y == 0) | (x == 0) | (y == image.shape[0] - 1) | (x == image.shape[1] - 1)
    found["flag"] = BLENDED * blended | ON_THE_EDGE * (np.bincount(owner[on_edge], minlength=len(peak)) > 0)
    enough = found["npix"] >= min_pixels
    segments = np.zeros(image.shape, np.int32)
    segments[y, x] = np.where(enough, np.cumsum(enough), 0)[owner]
    return found[enough], segments


def _centroids(
    weight: Floats, x: NDArray[np.intp], y: NDArray[np.intp], owner: NDArray[np.int32], n: int
) -> tuple[Floats, Floats]:
    total = np.bincount(owner, weight, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.bincount(owner, weight * x, n) / total, np.bincount(owner, weight * y, n) / total


def _shapes(
    light: Floats, x: NDArray[np.intp], y: NDArray[np.intp], owner: NDArray[np.int32], n: int
) -> tuple[Floats, Floats, Floats]:
    """Root mean squares along the axes, and the angle of the major one; a pixel has its own width."""
    centre_x, centre_y = _centroids(light, x, y, owner, n)
    u, v = x - centre_x[owner], y - centre_y[owner]
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.bincount(owner, light, n)
        xx, yy, xy = (np.bincount(owner, light * term, n) / total for term in (u * u, v * v, u * v))
    mean, difference = 0.5 * (xx + yy) + 1.0 / 12.0, np.hypot(0.5 * (xx - yy), xy)
    return (
        np.sqrt(mean + difference),
        np.sqrt((mean - difference).clip(1.0 / 12.0)),
        0.5 * np.arctan2(2 * xy, xx - yy),
    )


@njit(cache=True)
def _sharp_significance(
    data: Pixels,
    variance: Pixels,
    mask: NDArray[np.bool_],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    profile: Pixels,
) -> Pixels:
    """`matched_filter.significance` at some pixels only."""
    ny, nx = data.shape
    reach = len(profile) - 1
    heights = np.zeros(len(rows), np.float32)
    for number in range(len(rows)):
        row, column = rows[number], columns[number]
        signal = np.float32(0.0)
        information = np.float32(0.0)
        for j in range(max(0, row - reach), min(ny, row + reach + 1)):
            for i in range(max(0, column - reach), min(nx, column + reach + 1)):
                if not mask[j, i]:
                    kernel = profile[abs(j - row)] * profile[abs(i - column)]
                    weighted = kernel / variance[j, i]
                    signal += weighted * data[j, i]
                    information += kernel * weighted
        if information > 0.0:
            heights[number] = signal / np.sqrt(information)
    return heights

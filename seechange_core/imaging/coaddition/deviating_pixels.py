"""Pixels of aligned images that differ from the other images by more than noise and seeing explain.

They are looked for twice: pixel by pixel, which finds cosmic rays, and after smoothing to the width of the stars, which
finds what is faint and as wide as they are or wider, such as trails and moving objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from seechange_core.frames import Floats, Pixels, PsfModel
from seechange_core.imaging.coaddition import deviation_kernels

#: What is left of a star unexplained, relative to its peak: the brightest unsaturated ones reach some 1000 sigma.
_NEGLIGIBLE = 1e-3
_FWHM_PER_SIGMA = 2.3548
_TAPS_SIGMA = 2.5


@dataclass(frozen=True)
class Tolerance:
    """How stars of constant flux may differ from the middle image.

    Parameters
    ----------
    reach : int
        A pixel may have any value that the middle image has within so many pixels along each axis.
    excess : array of shape (n_images,)
        By how much a star's peak may exceed that of the middle image, relative to the latter.
    """

    reach: int
    excess: Floats


@dataclass(frozen=True)
class Scale:
    """What images of different seeing are held to at one resolution.

    Parameters
    ----------
    taps : array of shape (n,)
        What the images are smoothed with along each axis; one tap for not at all.
    most : Tolerance
        Where at least half of the images are usable, so that the middle one is none of the sharpest or widest.
    few : Tolerance
        Where fewer are, so that the middle one may be any.
    """

    taps: Pixels
    most: Tolerance
    few: Tolerance

    @property
    def halo(self) -> int:
        """How far a pixel's verdict depends on others (pixel)."""
        return 2 * (len(self.taps) // 2) + self.few.reach + 2


def scales(psfs: Sequence[PsfModel]) -> tuple[Scale, Scale]:
    """Return the scales at which images are compared: as they are, and smoothed to the width of their stars.

    Parameters
    ----------
    psfs : sequence of PsfModel
        On one grid, of one size.
    """
    stamps = np.stack([psf.centred(psf.x_zero, psf.y_zero) for psf in psfs]).astype(np.float32)
    sigma = float(np.median([psf.fwhm for psf in psfs])) / _FWHM_PER_SIGMA
    half = math.ceil(_TAPS_SIGMA * sigma)
    taps = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    gaussian = (taps / taps.sum()).astype(np.float32)
    smoothed = np.empty_like(stamps)
    deviation_kernels.smooth(stamps, gaussian, smoothed)
    return _scale(stamps, np.ones(1, np.float32)), _scale(smoothed, gaussian)


def _scale(stamps: Pixels, taps: Pixels) -> Scale:
    n_images = len(stamps)
    middle, aside = (n_images - 1) // 2, math.ceil(n_images / 4)
    ordered = np.sort(stamps, axis=0)
    most = _tolerance(stamps, ordered[max(middle - aside, 0)], ordered[min(middle + aside, n_images - 1)])
    return Scale(taps, most, _tolerance(stamps, ordered[0], ordered[-1]))


def _tolerance(stamps: Pixels, faintest: Pixels, brightest: Pixels) -> Tolerance:
    """Find what the PSFs explain if the middle image is between two at each pixel."""
    peaks = stamps.max(axis=(1, 2)).astype(np.float64)
    ratio = np.maximum(peaks / faintest.max(), 1.0)
    slack = _NEGLIGIBLE * peaks[:, None, None]
    reach = 1
    while reach < stamps.shape[-1] // 2:
        side = 2 * reach + 1
        upper = ratio[:, None, None] * maximum_filter(faintest, side) + slack
        lower = minimum_filter(brightest, side) - slack
        if np.all((stamps <= upper) & (stamps >= lower)):
            break
        reach += 1
    return Tolerance(reach, ratio - 1.0)


def deviating_pixels(
    data: Pixels,
    variance: Pixels,
    usable: NDArray[np.bool_],
    at_scales: tuple[Scale, Scale],
    *,
    clip_sigma: float,
    light_fraction: float,
) -> NDArray[np.bool_]:
    """Return which usable pixels deviate from the middle image.

    Parameters
    ----------
    data, variance : array of shape (n_images, ny, nx)
        Of aligned images on one scale, background subtracted.
    usable : bool array of the same shape
    at_scales : tuple of Scale
        From `scales`, of the images' point-spread functions.
    clip_sigma : float
        How many sigma a pixel may lie beyond what is tolerated; half as many beside a pixel that deviates.
    light_fraction : float
        Part of the local light that is tolerated besides: errors of PSF and registration, variable stars.

    Returns
    -------
    bool array of the same shape

    Notes
    -----
    The middle image is the lower median of the usable images, pixel by pixel. Clipping at the median of a few images
    without regard to their seeing cuts the cores off the stars of the sharpest (Gruen et al. 2014, PASP 126, 158).
    """
    sharp, wide = at_scales
    limits = clip_sigma, light_fraction
    middle, levels = levels_about_middle(data, variance, usable, sharp, *limits)
    deviates: NDArray[np.bool_] = deviation_kernels.near_highest(levels, 1)
    kept = usable & ~deviates
    smoothed, smoothed_variance = np.empty_like(data), np.empty_like(data)
    deviation_kernels.smooth(np.where(kept, data, middle), wide.taps, smoothed)
    deviation_kernels.smooth(variance, wide.taps**2, smoothed_variance)
    _, levels = levels_about_middle(smoothed, smoothed_variance, kept, wide, *limits)
    # What is as faint as this spreads over the width of a star, beyond where it is significant.
    found = deviation_kernels.near_highest(levels, len(wide.taps) // 2)
    return deviates | (kept & deviation_kernels.spread(found, max(1, len(wide.taps) // 8)))


def levels_about_middle(
    data: Pixels,
    variance: Pixels,
    usable: NDArray[np.bool_],
    scale: Scale,
    clip_sigma: float,
    light_fraction: float,
) -> tuple[Pixels, NDArray[np.uint8]]:
    """Return the middle image, and how far each pixel lies beyond what is tolerated about it.

    Returns
    -------
    middle : array of shape (ny, nx)
    levels : array of shape (n_images, ny, nx)
        2 beyond the limit, 1 beyond half of it, 0 elsewhere.
    """
    middle, number = np.empty(data.shape[1:], np.float32), np.empty(data.shape[1:], np.int32)
    deviation_kernels.middle_image(data, usable, deviation_kernels.sorting_network(len(data)), middle, number)
    light = maximum_filter(np.maximum(middle, 0.0), 3)

    def levels(tolerance: Tolerance) -> NDArray[np.uint8]:
        side = 2 * tolerance.reach + 1
        above = maximum_filter(middle, side) + np.float32(light_fraction) * light
        below = minimum_filter(middle, side) - np.float32(light_fraction) * light
        found: NDArray[np.uint8] = deviation_kernels.levels_beyond(
            data, variance, usable, number, above, below, light, tolerance.excess, clip_sigma
        )
        return found

    of_few = 2 * number < len(data)
    if not of_few.any():
        return middle, levels(scale.most)
    return middle, np.where(of_few, levels(scale.few), levels(scale.most))

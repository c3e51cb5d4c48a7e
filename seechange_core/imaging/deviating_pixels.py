"""Pixels of aligned images that differ from the other images by more than noise and seeing explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from seechange_core.frames import Floats, Pixels, PsfModel

#: What is left of a star unexplained, relative to its peak: the brightest unsaturated ones reach some 1000 sigma.
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True)
class SeeingTolerance:
    """How stars of constant flux may differ between images of different seeing.

    Parameters
    ----------
    reach : int
        A pixel may have any value that the middle image has within so many pixels along each axis.
    excess : array of shape (n_images,)
        By how much a star's peak may exceed that of the middle image, relative to the latter.
    """

    reach: int
    excess: Floats


def seeing_tolerance(psfs: Sequence[PsfModel]) -> SeeingTolerance:
    """Find what the point-spread functions of images explain, whichever of them is the middle one at a pixel.

    Parameters
    ----------
    psfs : sequence of PsfModel
        On one grid, of one size.
    """
    stamps = np.stack([psf.centred(psf.x_zero, psf.y_zero) for psf in psfs])
    faintest, brightest = stamps.min(axis=0), stamps.max(axis=0)
    peaks = stamps.max(axis=(1, 2))
    ratio = peaks / peaks.min()
    slack = _NEGLIGIBLE * peaks[:, None, None]
    reach = 1
    while reach < stamps.shape[-1] // 2:
        side = 2 * reach + 1
        upper = ratio[:, None, None] * maximum_filter(faintest, side) + slack
        lower = minimum_filter(brightest, side) - slack
        if np.all((stamps <= upper) & (stamps >= lower)):
            break
        reach += 1
    return SeeingTolerance(reach, ratio - 1.0)


def deviating_pixels(
    data: Pixels,
    variance: Pixels,
    usable: NDArray[np.bool_],
    tolerance: SeeingTolerance,
    *,
    clip_sigma: float,
    light_fraction: float,
) -> NDArray[np.bool_]:
    """Return which usable pixels deviate from the middle image.

    Parameters
    ----------
    data, variance : array of shape (n_images, ny, nx)
        Of aligned images on one scale.
    usable : bool array of the same shape
    tolerance : SeeingTolerance
        Of the images' point-spread functions.
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
    number = usable.sum(axis=0)
    middle = _middle(data, usable, number)
    light = maximum_filter(np.maximum(middle, 0.0), 3)
    side = 2 * tolerance.reach + 1
    above = maximum_filter(middle, side) + np.float32(light_fraction) * light
    below = minimum_filter(middle, side) - np.float32(light_fraction) * light
    excess = tolerance.excess.astype(np.float32)[:, None, None] * light
    beyond = np.maximum(data - above - excess, below - data)
    significance = np.where(usable & (number > 1), beyond / np.sqrt(np.maximum(variance, 1e-30)), 0.0)
    core = significance > clip_sigma
    beside = np.stack([maximum_filter(found, 3) for found in core])
    deviates: NDArray[np.bool_] = core | (beside & (significance > 0.5 * clip_sigma))
    return deviates


def _middle(data: Pixels, usable: NDArray[np.bool_], number: NDArray[np.intp]) -> Pixels:
    ordered = np.sort(np.where(usable, data, np.float32(np.inf)), axis=0)
    middle = np.take_along_axis(ordered, np.maximum((number - 1) // 2, 0)[None], axis=0)[0]
    if len(ordered) > 1:
        # Of two, the fainter is the one that no cosmic ray hit, and no negative lobe of a resampled one.
        fainter = np.where(np.abs(ordered[0]) < np.abs(ordered[1]), ordered[0], ordered[1])
        middle = np.where(number == 2, fainter, middle)
    return np.where(number > 0, middle, np.float32(0.0))

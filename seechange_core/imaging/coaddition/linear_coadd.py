"""Coadds that are weighted means of the pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numba
import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Box, Floats, Mask, MaskPlane, Pixels, PsfModel
from seechange_core.imaging.coaddition.warped_stack import Usable, WarpedStack
from seechange_core.imaging.psf.normalisation import measured_fwhm

_BAND_BYTES = 96 * 2**20


@dataclass(frozen=True)
class Stacked:
    """Images of one grid that are to be combined, all of one flux scale.

    Parameters
    ----------
    stack : WarpedStack
        Where their pixels are.
    chosen : tuple of int
        Which of them enter.
    usable : Usable
        Which pixels of the chosen ones enter.
    psfs : tuple of PsfModel
        Of the chosen ones on the grid, of one size and degree.
    sky_variance : array of shape (n_chosen,)
        Of the background.
    """

    stack: WarpedStack
    chosen: tuple[int, ...]
    usable: Usable
    psfs: tuple[PsfModel, ...]
    sky_variance: Floats


@dataclass(frozen=True)
class Combined:
    """What images became: planes, PSF, and the weight of each image (their sum is 1)."""

    data: Pixels
    variance: Pixels
    mask: Mask
    psf: PsfModel
    weights: Floats


def equal_weights(stacked: Stacked) -> Floats:
    """Weigh all images alike."""
    return np.full(len(stacked.chosen), 1.0 / len(stacked.chosen))


def best_weights(stacked: Stacked) -> Floats:
    """Weigh so that a point source on the sky has the highest signal to noise under the coadd's own PSF.

    One number for an image, never a pixel's own variance, which would weigh bright stars down where they peak.

    Notes
    -----
    With the PSFs p and sky variances V the squared signal to noise of the weights w is ``sum_jk w_j w_k <p_j, p_k> /
    sum_j w_j^2 V_j``, so the best weights are the leading eigenvector of a matrix of positive numbers.
    """
    stamps = np.stack([psf.centred(psf.x_zero, psf.y_zero).ravel() for psf in stacked.psfs])
    stamps /= np.sqrt(stacked.sky_variance)[:, None]
    _, vectors = np.linalg.eigh(stamps @ stamps.T)
    weights = np.abs(vectors[:, -1]) / np.sqrt(stacked.sky_variance)
    return np.asarray(weights / weights.sum())


def linear_coadd(stacked: Stacked, weigh: Callable[[Stacked], Floats]) -> Combined:
    """Average images with weights.

    Returns
    -------
    Combined
        The PSF is the mean of the images' with the weights.
    """
    ny, nx = stacked.stack.shape
    weights = weigh(stacked)
    data, variance = np.empty((ny, nx), np.float32), np.empty((ny, nx), np.float32)
    mask = np.empty((ny, nx), np.uint16)
    for box in row_bands(stacked.stack.shape, len(stacked.chosen)):
        rows = box.slices
        data[rows], variance[rows], mask[rows] = combined_box(stacked, box, weights)
    return Combined(data, variance, mask, _mean_psf(stacked, weights), weights)


def row_bands(shape: tuple[int, int], n_images: int, *, halo: int = 0) -> list[Box]:
    """Divide a grid into bands of rows that, with a halo, take some 100 MB for all images."""
    ny, nx = shape
    rows = max(16, _BAND_BYTES // (10 * nx * max(n_images, 1)) - 2 * halo)
    return [Box(first, min(first + rows, ny), 0, nx) for first in range(0, ny, rows)]


def combined_box(
    stacked: Stacked, box: Box, weights: Floats, usable: NDArray[np.bool_] | None = None
) -> tuple[Pixels, Pixels, Mask]:
    """Return data, variance and mask of a weighted mean in a box.

    Parameters
    ----------
    usable : bool array of shape (n_images, rows, columns), optional
        By default that of the images.
    """
    stack, chosen = stacked.stack, stacked.chosen
    usable = stacked.usable.within(box) if usable is None else usable
    planes = np.empty(box.shape, np.float32), np.empty(box.shape, np.float32), np.empty(box.shape, np.uint16)
    _combine(
        stack.data(chosen, box),
        stack.variance(chosen, box),
        stack.mask(chosen, box),
        usable,
        weights,
        np.uint16(MaskPlane.SATURATED),
        np.uint16(MaskPlane.NO_DATA),
        *planes,
    )
    return planes


@numba.njit(cache=True, nogil=True)
def _combine(data, variance, mask, usable, weights, carried, no_data, out_data, out_variance, out_mask):  # type: ignore[no-untyped-def]
    """Average; planes of images that do not enter are carried only where none does, except those of ``carried``."""
    n_images, ny, nx = data.shape
    for y in range(ny):
        for x in range(nx):
            total = weighted = noise = 0.0
            used_planes, all_planes = np.uint16(0), np.uint16(0)
            for image in range(n_images):
                all_planes |= mask[image, y, x]
                if usable[image, y, x]:
                    weight = weights[image]
                    total += weight
                    weighted += weight * data[image, y, x]
                    noise += weight**2 * variance[image, y, x]
                    used_planes |= mask[image, y, x]
            if total > 0.0:
                out_data[y, x], out_variance[y, x] = weighted / total, noise / total**2
                out_mask[y, x] = used_planes | (all_planes & carried)
            else:
                out_data[y, x] = out_variance[y, x] = 0.0
                out_mask[y, x] = all_planes | no_data


def _mean_psf(stacked: Stacked, weights: Floats) -> PsfModel:
    psfs = stacked.psfs
    coefficients = sum(w * psf.coefficients.astype(np.float64) for w, psf in zip(weights, psfs, strict=True))
    mean = replace(
        psfs[0], coefficients=np.asarray(coefficients, np.float32), n_stars=min(psf.n_stars for psf in psfs)
    )
    # Not the mean of the widths: the sharpest image makes the peak.
    return replace(mean, fwhm=measured_fwhm(mean, mean.x_zero, mean.y_zero))

"""The point-spread function of an image that was warped to another grid."""

from __future__ import annotations

import math

import numpy as np

from seechange_core.frames import PsfModel
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging import lanczos
from seechange_core.imaging.pixel_map import PixelMap

_PHASES = 3


def warp_psf(
    psf: PsfModel,
    pixel_map: PixelMap,
    shape: tuple[int, int],
    *,
    size: int | None = None,
    degree: int | None = None,
) -> PsfModel:
    """Return the PSF of a warped image, in pixel coordinates of the target.

    Stars are rendered on the source's pixels at a grid of positions and of subpixel phases, resampled with the kernel
    that warps the pixels, averaged over the phases, and fitted with a polynomial again.

    Parameters
    ----------
    psf : PsfModel
        Of the source.
    pixel_map : PixelMap
        From the target's pixels to the source's.
    shape : tuple of int
        Rows and columns of the target.
    size : int, optional
        Side of the model's stamp (odd, target pixel); by default what the source's stamp covers.
    degree : int, optional
        Of the polynomial; by default that of the source's model.

    Returns
    -------
    PsfModel
        With one sample per target pixel; centred on and scaled by the target, so that models of one size and degree can
        be averaged coefficient by coefficient.
    """
    degree = psf.degree if degree is None else degree
    x_zero, y_zero = 0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1)
    x_scale, y_scale = max(x_zero, 1.0), max(y_zero, 1.0)
    side = degree + 2
    box = pixel_map.box
    step = (np.arange(side) + 0.5) / side
    sides = box[2] + step * (box[3] - box[2]), box[0] + step * (box[1] - box[0])
    y, x = (values.ravel() for values in np.meshgrid(*sides, indexing="ij"))
    jacobians = pixel_map.jacobian(x, y)
    area = float(np.median(np.abs(np.linalg.det(jacobians))))
    half = int(psf.size / 2 / math.sqrt(area)) if size is None else size // 2
    warped = np.zeros((len(x), 2 * half + 1, 2 * half + 1))
    phases = (np.arange(_PHASES) + 0.5) / _PHASES - 0.5
    for stamp, x_source, y_source, jacobian in zip(warped, *pixel_map(x, y), jacobians, strict=True):
        y_phase, x_phase = (values.ravel() for values in np.meshgrid(phases, phases, indexing="ij"))
        x_star, y_star = np.rint(x_source) + x_phase, np.rint(y_source) + y_phase
        middle = psf.size // 2
        for rendered, dx, dy in zip(psf.stamps(x_star, y_star), x_phase, y_phase, strict=True):
            lanczos.resample_stamp(rendered, middle + dx, middle + dy, jacobian, half, lanczos.WEIGHTS, stamp)
    warped *= np.abs(np.linalg.det(jacobians))[:, None, None] / _PHASES**2
    terms = design_matrix((x - x_zero) / x_scale, (y - y_zero) / y_scale, degree)
    coefficients = np.linalg.lstsq(terms, warped.reshape(len(x), -1), rcond=None)[0]
    return PsfModel(
        coefficients.reshape(-1, 2 * half + 1, 2 * half + 1).astype(np.float32),
        degree,
        x_zero,
        y_zero,
        x_scale,
        y_scale,
        fwhm=psf.fwhm / math.sqrt(area),
        n_stars=psf.n_stars,
    )

"""Fluxes in round apertures, and what they miss of the PSF's normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import sep
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels, PsfModel
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.psf.normalisation import light_within


def aperture_fluxes(
    data: Pixels,
    variance: Pixels,
    mask: NDArray[np.bool_],
    x: Floats,
    y: Floats,
    radii: Sequence[float],
) -> tuple[Floats, Floats]:
    """Sum the light around positions.

    Parameters
    ----------
    data, variance, mask : array of shape (ny, nx)
        Sky subtracted; model variance; pixels not to be used. Light that masked pixels would hold is replaced by the
        mean of the others in the aperture.
    x, y : array of shape (n,)
        Positions (pixel).
    radii : sequence of m floats
        Pixels.

    Returns
    -------
    flux, error : array of shape (n, m)
        In the unit of the pixels; NaN where nothing of the aperture can be used.
    """
    flux, error = np.empty((len(x), len(radii))), np.empty((len(x), len(radii)))
    for column, radius in enumerate(radii):
        flux[:, column], error[:, column], _ = sep.sum_circle(
            data, x, y, radius, var=variance, mask=mask, subpix=5
        )
    return flux, error


def aperture_correction(psf: PsfModel, radius: float) -> float:
    """Return the magnitudes that lead from an aperture of a radius (pixel) to the normalisation of the PSF."""
    return 2.5 * math.log10(light_within(psf, psf.fwhm, radius))


def aperture_corrections(psf: PsfModel, radius: float, x: Floats, y: Floats) -> Floats:
    """Return `aperture_correction` for sources at positions, under the PSF of each."""
    half = psf.coefficients.shape[-1] // 2
    offset = (np.arange(-half, half + 1)) * psf.sampling
    inside = (radius + 0.5 - np.hypot(offset[:, None], offset[None, :])).clip(0.0, 1.0)
    light = (psf.coefficients * inside).sum(axis=(1, 2), dtype=np.float64)
    terms = design_matrix((x - psf.x_zero) / psf.x_scale, (y - psf.y_zero) / psf.y_scale, psf.degree)
    middle = light_within(psf, psf.fwhm, radius)
    # The constant term is the middle's; a radius beyond the stamp counts the light there.
    varying = terms[:, 1:] @ light[1:] / light[0]
    corrections: Floats = 2.5 * np.log10(middle * np.maximum(1.0 + varying, 0.1))
    return corrections

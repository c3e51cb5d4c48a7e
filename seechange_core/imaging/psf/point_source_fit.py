"""Flux and position of point sources by fitting the local PSF, many at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, PsfModel

_DERIVATIVE_STEP_PIXEL = 0.05
_CONVERGED_PIXEL = 1e-3
_LONGEST_STEP_PIXEL = 0.5
_ITERATIONS = 20
_PARAMETERS = 3
# Chi-squares scatter by the root of twice the degrees of freedom.
_NOISE_SIGMA = 3.0


@dataclass(frozen=True)
class PsfFit:
    """The best point source for each stamp.

    Arrays have shape (n,) and are NaN where a stamp has too few usable pixels.

    Parameters
    ----------
    dx, dy : array
        Position relative to the middle pixel of the stamp.
    dx_error, dy_error : array
        1 sigma (pixel).
    flux, flux_error : array
        In the unit of the pixels; 1 sigma.
    chi2 : array
        Reduced chi-square.
    misfit : array
        Size of the residuals beyond what noise can explain, relative to the signal: 0 for a perfect point
        source, 1 if as much was left as was explained.
    profile : array of shape (n, size, size)
        The PSF at the fitted position.
    """

    dx: Floats
    dy: Floats
    dx_error: Floats
    dy_error: Floats
    flux: Floats
    flux_error: Floats
    chi2: Floats
    misfit: Floats
    profile: Floats


def fit_psf(
    data: Floats, weight: Floats, psf: PsfModel, x: Floats, y: Floats, largest_shift_pixel: float
) -> PsfFit:
    """Fit flux and position of one point source a stamp by Gauss and Newton's method.

    Parameters
    ----------
    data, weight : array of shape (n, size, size)
        Pixels, and the inverse of their model variance: 0 where a pixel is not to be used.
    psf : PsfModel
        Its value at `x`, `y` is used for all of a stamp.
    x, y : array of shape (n,)
        First positions on the image (pixel); the middle pixel of each stamp holds its position.
    largest_shift_pixel : float
        A fit that runs further away than this is replaced by one at the first position.

    Notes
    -----
    The fitted position is where noise and source together are brightest, so the fitted flux is high by a
    fraction 1 / snr^2, which is taken out: Portillo, Speagle & Finkbeiner (2020), AJ 159, 165. A measurement
    at a given position has no such bias.
    """
    size = data.shape[-1]
    psf = psf.within_reach(size)
    data = np.where(weight > 0, data, 0.0)
    samples = psf.samples(x, y)
    first = np.stack([x - np.floor(x + 0.5), y - np.floor(y + 0.5)], axis=1)
    phase = first.copy()
    active = np.flatnonzero((weight > 0).sum(axis=(1, 2)) > _PARAMETERS)
    for _ in range(_ITERATIONS):
        design = _design(psf, samples[active], phase[active], size)
        solution, _ = _solve(design, data[active], weight[active])
        flux = solution[:, :1]
        shift = np.divide(solution[:, 1:], flux, out=np.zeros_like(solution[:, 1:]), where=flux != 0)
        phase[active] += np.clip(shift, -_LONGEST_STEP_PIXEL, _LONGEST_STEP_PIXEL)
        active = active[np.abs(shift).max(axis=1, initial=0.0) > _CONVERGED_PIXEL]
        if not len(active):
            break
    astray = np.hypot(*(phase - first).T) > largest_shift_pixel
    phase[astray] = first[astray]

    design = _design(psf, samples, phase, size)
    solution, covariance = _solve(design, data, weight)
    flux = np.where(astray, flux_at(design[:, 0], data, weight), solution[:, 0])
    errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    chi_square = (weight * (data - flux[:, None, None] * design[:, 0]) ** 2).sum(axis=(1, 2))
    freedom = ((weight > 0).sum(axis=(1, 2)) - _PARAMETERS).astype(np.float64)
    signal = (weight * (flux[:, None, None] * design[:, 0]) ** 2).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(astray, 0.0, (errors[:, 0] / flux) ** 2)
        return PsfFit(
            dx=phase[:, 0],
            dy=phase[:, 1],
            dx_error=errors[:, 1] / np.abs(flux),
            dy_error=errors[:, 2] / np.abs(flux),
            flux=flux * (1.0 - excess).clip(0.0, 1.0),
            flux_error=errors[:, 0],
            chi2=np.where(freedom > 0, chi_square / freedom, np.nan),
            misfit=np.sqrt((chi_square - freedom - _NOISE_SIGMA * np.sqrt(2 * freedom)).clip(0.0) / signal),
            profile=design[:, 0],
        )


def flux_at(profile: Floats, data: Floats, weight: Floats) -> Floats:
    """Return the flux of point sources of given profiles; NaN without usable pixels.

    All arguments have shape (n, size, size); the weight is the inverse of the model variance. Horne (1986),
    PASP 98, 609, eq. 8.
    """
    norm = (weight * profile**2).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        flux: Floats = (weight * profile * data).sum(axis=(1, 2)) / norm
    return flux


def _design(psf: PsfModel, samples: Floats, phase: Floats, size: int) -> Floats:
    """PSF and its derivatives by position in x and y: shape (n, 3, size, size)."""
    step = _DERIVATIVE_STEP_PIXEL
    columns, rows = (psf.resampling(phase[:, axis], size) for axis in (0, 1))
    column_slope, row_slope = (
        (psf.resampling(phase[:, axis] + step, size) - psf.resampling(phase[:, axis] - step, size))
        / (2 * step)
        for axis in (0, 1)
    )
    across, along = rows @ samples, row_slope @ samples
    columns_t = columns.transpose(0, 2, 1)
    return np.stack([across @ columns_t, across @ column_slope.transpose(0, 2, 1), along @ columns_t], axis=1)


def _solve(design: Floats, data: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted linear least squares by stamp: parameters (n, 3), covariance (n, 3, 3); NaN where singular."""
    n, n_pixels = len(data), data.shape[-1] ** 2
    flat = design.reshape(n, _PARAMETERS, n_pixels)
    weighted = flat * weight.reshape(n, 1, n_pixels)
    normal = weighted @ flat.transpose(0, 2, 1)
    right = (weighted @ data.reshape(n, n_pixels, 1))[:, :, 0]
    singular: NDArray[np.bool_] = ~(np.linalg.det(normal) > 0)
    normal[singular] = np.eye(_PARAMETERS)
    covariance = np.linalg.inv(normal).astype(np.float64, copy=False)
    covariance[singular] = np.nan
    return (covariance @ right[:, :, None])[:, :, 0], covariance

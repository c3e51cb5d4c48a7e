"""The normalisation that all fluxes refer to: 1 within 5 FWHM."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.optimize import least_squares

from seechange_core.frames import Floats, PsfModel
from seechange_core.frames.polynomial import design_matrix

NORMALISATION_RADIUS_FWHM = 5.0
_FINE_PHASES = 8
_WING_FROM_FWHM = 0.75
_LARGEST_BETA = 20.0
_SMALLEST_BETA = 1.5


def measured_fwhm(model: PsfModel, x: float, y: float) -> float:
    """Return the full width at half maximum (pixel): the diameter of a disc of the area above half the peak."""
    n = _FINE_PHASES
    phases = model.resampling(0.5 - (np.arange(n) + 0.5) / n, model.size).reshape(n * model.size, -1)
    fine = phases @ model.samples(x, y)[0] @ phases.T
    area = np.count_nonzero(fine >= 0.5 * fine.max()) / n**2
    return 2.0 * math.sqrt(area / math.pi)


def normalised(model: PsfModel) -> PsfModel:
    """Scale a PSF to 1 within 5 FWHM everywhere, with light beyond its stamp extrapolated, and measure its FWHM.

    Every term of the polynomial but the constant one is left with no light of its own, so that a star has the same flux
    wherever it is.

    Raises
    ------
    ValueError
        If the PSF has no light.
    """
    constant = model.coefficients[0].astype(np.float64)
    if not constant.sum() > 0:
        raise ValueError(f"a PSF whose samples sum to {constant.sum()} cannot be normalised")
    terms = model.coefficients.astype(np.float64)
    terms[1:] -= terms[1:].sum(axis=(1, 2))[:, None, None] * constant / constant.sum()
    middle = replace(model, coefficients=terms.astype(np.float32))
    fwhm = measured_fwhm(middle, model.x_zero, model.y_zero)
    within = light_within(middle, fwhm, NORMALISATION_RADIUS_FWHM * fwhm)
    return replace(model, coefficients=(terms / within).astype(np.float32), fwhm=fwhm)


def recentred(model: PsfModel, shape: tuple[int, int]) -> PsfModel:
    """Return the same PSF with its polynomial about the middle of an image, in units of half its sides.

    A model that was made for a whole detector may have its own middle far off a cutout, where it says nothing.
    """
    x_zero, y_zero = 0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1)
    x_scale, y_scale = max(x_zero, 1.0), max(y_zero, 1.0)
    side = np.linspace(-1.0, 1.0, model.degree + 1)
    u, v = (grid.ravel() for grid in np.meshgrid(side, side))
    samples = model.samples(x_zero + u * x_scale, y_zero + v * y_scale)
    terms = design_matrix(u, v, model.degree)
    coefficients = np.linalg.lstsq(terms, samples.reshape(len(u), -1), rcond=None)[0]
    return replace(
        model,
        coefficients=coefficients.reshape(model.coefficients.shape).astype(np.float32),
        x_zero=x_zero,
        y_zero=y_zero,
        x_scale=x_scale,
        y_scale=y_scale,
    )


def light_within(model: PsfModel, fwhm: float, radius: float) -> float:
    """Return the light of a PSF at the middle of its polynomial within a radius (pixel), wings included."""
    size = 2 * math.ceil(radius) + 1
    stamp = model.centred(model.x_zero, model.y_zero, min(size, model.size))
    half = stamp.shape[0] // 2
    distance = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1])
    inside = (radius + 0.5 - distance).clip(0.0, 1.0)
    light = float((stamp * inside).sum())
    if radius <= half:
        return light
    amplitude, width, beta = moffat_wings(stamp, fwhm)
    reach = math.ceil(radius)
    v, u = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(u, v)
    beyond = np.maximum(np.abs(u), np.abs(v)) > half
    wings = amplitude * (1.0 + (distance / width) ** 2) ** -beta
    return light + float((wings * beyond * (radius + 0.5 - distance).clip(0.0, 1.0)).sum())


def moffat_wings(stamp: Floats, fwhm: float) -> tuple[float, float, float]:
    """Fit a round Moffat profile to the outer part of a centred PSF.

    Returns
    -------
    amplitude, width, beta : float
        ``amplitude * (1 + (r / width)^2)^-beta``, width in pixels. A PSF without wings has an amplitude of 0.
    """
    half = stamp.shape[0] // 2
    distance = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1])
    ring = np.rint(distance).astype(np.int64)
    first = math.ceil(_WING_FROM_FWHM * fwhm)
    counts = np.bincount(ring.ravel())[first : half + 1]
    profile = np.bincount(ring.ravel(), stamp.ravel())[first : half + 1] / counts
    radius = np.bincount(ring.ravel(), distance.ravel())[first : half + 1] / counts
    if len(profile) < 4 or not (profile[0] > 0):
        return 0.0, fwhm, 3.0
    # A ring's mean is good in proportion to the root of its pixels; its level falls by orders of magnitude.
    weight = np.sqrt(counts) / np.sqrt(np.maximum(profile, 0) + 1e-3 * profile[0])

    def residual(values: Floats) -> Floats:
        model = np.exp(values[0]) * (1.0 + (radius / values[1]) ** 2) ** -values[2]
        return np.asarray(weight * (model - profile))

    start = np.array([math.log(float(stamp.max())), 0.9 * fwhm, 3.5])
    bounds = (
        [start[0] - 5.0, 0.2 * fwhm, _SMALLEST_BETA],
        [start[0] + 5.0, 4.0 * fwhm, _LARGEST_BETA],
    )
    values = least_squares(residual, start, bounds=bounds).x
    return float(np.exp(values[0])), float(values[1]), float(values[2])

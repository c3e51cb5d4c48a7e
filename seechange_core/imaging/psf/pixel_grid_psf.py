"""A PSF whose every pixel is a polynomial of position, fitted to stars: smooth modes, and free pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import Rejected
from seechange_core.frames import Floats, Pixels, PsfModel
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.psf.modes import PsfModes, fitted_modes, psf_modes, without
from seechange_core.imaging.psf.normalisation import normalised
from seechange_core.imaging.psf.rendering import moved_back, rendered
from seechange_core.imaging.robust import scatter
from seechange_core.imaging.stamps import cut, stamp_corners

_MOST_REJECTIONS = 3
# A bright star that is none, such as a close pair, spoils the PSF and so makes good ones look bad: those with less than
# this part of the worst chi-square are not judged before the worst is gone.
_SHARED_BLAME = 0.5
# A star's own pixels are trusted to this part of its light, so that one very bright star does not decide alone.
_RELATIVE_ERROR = 0.005
_REJECTION_SIGMA = 5.0
# Farther out stars say little, and only the mean profile is kept. No nearer: seeing that varies by 3 % moves 0.2 %
# of the light across 2 FWHM.
_VARIES_TO_FWHM = 2.25
_CONSTANT_FROM_FWHM = 3.25
_CORE_FWHM = 1.5
_RING_FWHM = 0.4
_HELD_OUT_EVERY = 5
_FEWEST_FOR_HOLDING_OUT = 10


@dataclass(frozen=True)
class StarStamps:
    """Cut-outs of the stars that a PSF is fitted to.

    Parameters
    ----------
    x, y, flux : array of shape (n,)
        Positions (pixel) and first fluxes.
    light, variance : array of shape (n, size, size)
        Sky and neighbours subtracted; model variance.
    good : bool array of shape (n, size, size)
        Pixels to use.
    """

    x: Floats
    y: Floats
    flux: Floats
    light: Pixels
    variance: Pixels
    good: NDArray[np.bool_]

    def rows(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> StarStamps:
        """Return some of the stars."""
        x, y, flux = self.x[index], self.y[index], self.flux[index]
        return StarStamps(x, y, flux, self.light[index], self.variance[index], self.good[index])

    def trimmed(self, size: int) -> StarStamps:
        """Return the middle of the stamps; the size is odd and no larger than theirs."""
        cut = (self.light.shape[-1] - size) // 2
        middle = np.s_[:, cut : cut + size, cut : cut + size]
        return replace(self, light=self.light[middle], variance=self.variance[middle], good=self.good[middle])


@dataclass(frozen=True)
class PsfFitResult:
    """A fitted PSF and its stars.

    Parameters
    ----------
    model : PsfModel
        Normalised to 1 within 5 FWHM.
    used : bool array
        Which of the stars were not rejected.
    stars : StarStamps
        Those, with position and flux under the model.
    """

    model: PsfModel
    used: NDArray[np.bool_]
    stars: StarStamps


def cut_stars(
    data: Pixels, variance: Pixels, mask: NDArray[np.bool_], x: Floats, y: Floats, flux: Floats, size: int
) -> StarStamps:
    """Cut stars out of an image; pixels off the image are not used."""
    corner_x, corner_y = stamp_corners(x, y, size)
    good = ~cut(mask, corner_x, corner_y, size, True)
    light = np.where(good, cut(data, corner_x, corner_y, size, 0.0), 0.0).astype(np.float32)
    spread = np.where(good, cut(variance, corner_x, corner_y, size, 1.0), 1.0).astype(np.float32)
    return StarStamps(np.asarray(x), np.asarray(y), np.asarray(flux), light, spread, good)


def degree_for(n_stars: int, fewest: Sequence[int]) -> int:
    """Return the degree of the polynomial; ``fewest[d - 1]`` stars are needed for degree d."""
    return sum(n_stars >= needed for needed in fewest)


def fit_pixel_grid(
    stars: StarStamps,
    first: PsfModel,
    fewest_for_degree: Sequence[int],
    *,
    rounds: int = 4,
    alien_light: float = 0.0,
) -> PsfFitResult:
    """Fit a PSF to stars.

    Parameters
    ----------
    stars : StarStamps
        At least one.
    first : PsfModel
        To start from, with the stamps' size and the stars' width.
    fewest_for_degree : sequence of int
        Stars needed for the degrees 1, 2, 3 ...
    rounds : int
        Corrections to the first model; 2 are enough if it is a good one.
    alien_light : float
        Light per pixel, as a part of a star's own, that undetected neighbours may add. It keeps the brightest star from
        deciding alone where the PSF is faint.

    Raises
    ------
    Rejected
        If no star is left, or the stars have no light.

    Notes
    -----
    Weighted linear least squares. A star's residual under the current model is moved back by its subpixel shift. How
    the PSF varies is fitted as polynomials in the strengths of few modes (`psf_modes`); what a constant PSF has beyond
    a smooth profile with these modes is the mean residual of every pixel, as far as it stands out of its noise. The
    correction to the model converges in a few rounds, since moving back nearly inverts moving for a PSF without power
    beyond the Nyquist frequency. Pixels that cannot be used have no weight.
    """
    used = np.ones(len(stars.x), bool)
    model, fwhm = first, first.fwhm
    for turn in range(_MOST_REJECTIONS + 1):
        degree = degree_for(int(used.sum()), fewest_for_degree)
        model, fitted = _fit(
            _of_degree(model, degree), _modes(model, fwhm), stars.rows(used), rounds, alien_light
        )
        rounds = 1
        chi2 = np.full(len(used), np.inf)
        chi2[used] = _core_chi2(model, fitted, fwhm)
        typical = float(np.median(chi2[used]))
        limit = typical + _REJECTION_SIGMA * max(scatter(chi2[used]), 0.1 * typical)
        if turn < _MOST_REJECTIONS - 1:
            limit = max(limit, _SHARED_BLAME * float(chi2[used].max()))
        keep = chi2 <= limit
        last = turn == _MOST_REJECTIONS or keep.sum() < max(1, 0.5 * len(used))
        if last or keep.sum() == used.sum():
            break
        used = keep
    return PsfFitResult(model, used, fitted)


def goodness(result: PsfFitResult, fewest_for_degree: Sequence[int]) -> tuple[float, float, float]:
    """Judge a PSF by every fifth star, left out of a trial fit; where stars are fewer than ten, by all of them.

    Returns
    -------
    chi2 : float
        Median of the stars' reduced chi-square in the core.
    residual : float
        Root mean square over the core of the stars' mean residual, divided by the peak; includes their noise.
    error : float
        The same without what their noise adds.
    """
    judged, judges = result.model, result.stars
    fwhm = judged.fwhm
    held_out = np.arange(len(judges.x)) % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1
    if len(judges.x) >= _FEWEST_FOR_HOLDING_OUT:
        degree = degree_for(int((~held_out).sum()), fewest_for_degree)
        judged, _ = _fit(_of_degree(judged, degree), _modes(judged, fwhm), judges.rows(~held_out), rounds=2)
        judges = _refitted(judged, judges.rows(held_out))
    return float(np.median(_core_chi2(judged, judges, fwhm))), *_core_residual(judged, judges, fwhm)


def _fit(
    model: PsfModel, modes: PsfModes, stars: StarStamps, rounds: int, alien_light: float = 0.0
) -> tuple[PsfModel, StarStamps]:
    """Improve a model; return it and the stars with their positions and fluxes under it."""
    size = stars.light.shape[-1]
    constant = without(model.coefficients[0] / model.coefficients[0].sum() - modes.smooth, modes.gradient)
    strength = np.zeros((len(model.coefficients), len(modes.modes)))
    for turn in range(rounds):
        if turn > 0:
            stars = _refitted(model, stars)
        flux = stars.flux[:, None, None].astype(np.float32)
        drawn = rendered(model, stars.x, stars.y, size)
        residual = np.where(stars.good, stars.light - flux * drawn, 0.0) / flux
        centred = moved_back(model, stars.x, stars.y, residual.astype(np.float32))
        systematic = flux**2 * ((_RELATIVE_ERROR * drawn) ** 2 + np.float32(alien_light**2))
        weight = np.where(stars.good, flux**2 / (stars.variance + systematic), np.float32(0.0))
        terms = _terms(model, stars)
        fitted = fitted_modes(modes, terms, centred, weight, strength)
        change = np.tensordot(fitted - strength, modes.modes, axes=(1, 0))
        strength = fitted
        centred -= np.tensordot(terms, change, axes=(1, 0)).astype(np.float32)
        # Where the middle of the PSF is cannot be told from the stars, whose positions follow it.
        constant = without(_likely(constant + _mean(centred, weight), weight, modes.fwhm), modes.gradient)
        coefficients = np.tensordot(strength, modes.modes, axes=(1, 0))
        coefficients[0] += modes.smooth + constant
        if not coefficients[0].sum() > 0:
            raise Rejected(f"the {len(stars.x)} stars chosen for the PSF have no light in common")
        model = replace(model, coefficients=(coefficients / coefficients[0].sum()).astype(np.float32))
    model = normalised(replace(model, n_stars=len(stars.x)))
    return model, _refitted(model, stars)


def _modes(model: PsfModel, fwhm: float) -> PsfModes:
    stamp = model.coefficients[0].astype(np.float64)
    return psf_modes(stamp, fwhm, _taper(len(stamp), fwhm))


def _mean(residual: Pixels, weight: Pixels) -> Floats:
    mean: Floats = (weight * residual).sum(axis=0, dtype=np.float64)
    return mean / np.maximum(weight.sum(axis=0, dtype=np.float64), 1e-30)


def _likely(constant: Floats, weight: Pixels, fwhm: float) -> Floats:
    """Shrink what pixels of the constant PSF differ by from the smooth one, by what noise alone would make of it."""
    size = constant.shape[-1]
    offset = np.arange(size) - size // 2
    ring = np.rint(np.hypot(offset[:, None], offset[None, :]) / (_RING_FWHM * fwhm)).astype(np.intp)
    noise = 1.0 / np.maximum(weight.sum(axis=0, dtype=np.float64), 1e-30)
    sure = weight.any(axis=0)
    counts = np.maximum(np.bincount(ring[sure], minlength=ring.max() + 1), 1)
    excess = np.bincount(ring[sure], (constant**2 - noise)[sure], ring.max() + 1) / counts
    true = excess.clip(0.0)[ring]
    kept: Floats = np.where(sure, constant * true / (true + noise), 0.0)
    return kept


def _of_degree(model: PsfModel, degree: int) -> PsfModel:
    """Return a model of another degree that starts from a constant PSF, the mean of this one."""
    coefficients = np.zeros(((degree + 1) * (degree + 2) // 2, *model.coefficients.shape[1:]), np.float32)
    coefficients[0] = model.coefficients[0]
    return replace(model, coefficients=coefficients, degree=degree)


def gaussian_psf(shape: tuple[int, int], size: int, fwhm: float) -> PsfModel:
    """Return a round Gaussian of a given full width (pixel) in stamps of a given side, for an image of a shape."""
    offset = np.arange(size) - size // 2
    profile = np.exp(-4.0 * math.log(2.0) * (offset / fwhm) ** 2)
    coefficients = np.outer(profile, profile)[None] / profile.sum() ** 2
    y_zero, x_zero = 0.5 * (shape[0] - 1), 0.5 * (shape[1] - 1)
    return PsfModel(
        coefficients.astype(np.float32), 0, x_zero, y_zero, max(x_zero, 1.0), max(y_zero, 1.0), fwhm=fwhm
    )


def _terms(model: PsfModel, stars: StarStamps) -> Floats:
    return design_matrix(
        (stars.x - model.x_zero) / model.x_scale, (stars.y - model.y_zero) / model.y_scale, model.degree
    )


def _refitted(model: PsfModel, stars: StarStamps) -> StarStamps:
    """Return the stars with flux and position as fitted under a model, in one linear step."""
    size = stars.light.shape[-1]
    drawn = rendered(model, stars.x, stars.y, size + 4)
    p = drawn[:, 2:-2, 2:-2]
    slope_x = (
        8 * (drawn[:, 2:-2, 3:-1] - drawn[:, 2:-2, 1:-3]) - (drawn[:, 2:-2, 4:] - drawn[:, 2:-2, :-4])
    ) / 12
    slope_y = (
        8 * (drawn[:, 3:-1, 2:-2] - drawn[:, 1:-3, 2:-2]) - (drawn[:, 4:, 2:-2] - drawn[:, :-4, 2:-2])
    ) / 12
    design = np.stack([p, -slope_x, -slope_y], axis=1).reshape(len(p), 3, -1)
    expected = stars.variance + (_RELATIVE_ERROR * stars.flux[:, None, None] * p) ** 2
    weighted = design * np.where(stars.good, 1.0 / expected, 0.0).reshape(len(p), 1, -1)
    normal = weighted @ design.transpose(0, 2, 1)
    right = weighted @ stars.light.reshape(len(p), -1, 1)
    solution = np.linalg.solve(normal, right)[:, :, 0]
    shift = np.clip(solution[:, 1:] / solution[:, :1], -0.5, 0.5)
    middle_x, middle_y = np.floor(stars.x + 0.5), np.floor(stars.y + 0.5)
    # The stamp was cut around one pixel, so a position stays within it.
    x = np.clip(stars.x + shift[:, 0], middle_x - 0.5, np.nextafter(middle_x + 0.5, -np.inf))
    y = np.clip(stars.y + shift[:, 1], middle_y - 0.5, np.nextafter(middle_y + 0.5, -np.inf))
    flux = np.maximum(solution[:, 0], 0.1 * stars.flux)
    return replace(stars, x=x, y=y, flux=flux)


def _taper(size: int, fwhm: float) -> Floats:
    """1 in the core, 0 in the wings."""
    offset = np.arange(size) - size // 2
    radius = np.hypot(offset[:, None], offset[None, :]) / fwhm
    part = np.clip((radius - _VARIES_TO_FWHM) / (_CONSTANT_FROM_FWHM - _VARIES_TO_FWHM), 0.0, 1.0)
    taper: Floats = 0.5 * (1.0 + np.cos(np.pi * part))
    return taper


def _core(size: int, fwhm: float) -> NDArray[np.bool_]:
    offset = np.arange(size) - size // 2
    core: NDArray[np.bool_] = np.hypot(offset[:, None], offset[None, :]) <= _CORE_FWHM * fwhm
    return core


def _core_chi2(model: PsfModel, stars: StarStamps, fwhm: float) -> Floats:
    """Reduced chi-square of each star within 1.5 FWHM."""
    size = stars.light.shape[-1]
    drawn = stars.flux[:, None, None].astype(np.float32) * rendered(model, stars.x, stars.y, size)
    expected = stars.variance + (_RELATIVE_ERROR * drawn) ** 2
    inside = stars.good & _core(size, fwhm)
    chi2 = np.where(inside, (stars.light - drawn) ** 2 / expected, 0.0).sum(axis=(1, 2))
    reduced: Floats = chi2 / np.maximum(inside.sum(axis=(1, 2)) - 3, 1)
    return reduced


def _core_residual(model: PsfModel, stars: StarStamps, fwhm: float) -> tuple[float, float]:
    """Root mean square over the core of the stars' mean residual, divided by the peak; with and without noise."""
    size = stars.light.shape[-1]
    flux = stars.flux[:, None, None].astype(np.float32)
    drawn = rendered(model, stars.x, stars.y, size)
    residual = np.where(stars.good, stars.light / flux - drawn, np.float32(0.0))
    weight = np.where(stars.good, flux**2 / stars.variance, np.float32(0.0))
    inside, peak = _core(size, fwhm), float(model.coefficients[0].max())
    mean = _mean(moved_back(model, stars.x, stars.y, residual), weight)[inside]
    noise = 1.0 / np.maximum(weight.sum(axis=0, dtype=np.float64)[inside], 1e-30)
    power = float((mean**2).mean())
    return math.sqrt(power) / peak, math.sqrt(max(power - float(noise.mean()), 0.0)) / peak

"""The faint wings of a PSF: one elliptical Moffat profile through the outer light of many stars.

Farther out than some 2 FWHM a single star has less light in a pixel than the sky has noise, and undetected neighbours
and errors of the sky are no smaller. A few numbers, found from all stars together, describe the wings far better than
free pixels do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from seechange_core.frames import Floats, PsfModel
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.psf.normalisation import NORMALISATION_RADIUS_FWHM, measured_fwhm
from seechange_core.imaging.psf.pixel_grid_psf import StarStamps

# Where the wings take over from the pixels: in the mean PSF, and in its variation over the image, which so far out
# would follow the noise of the few brightest stars.
_MEAN_FWHM = 2.0, 2.75
_VARIATION_FWHM = 1.25, 2.0
_EDGES_FWHM = (1.5, 1.8, 2.1, 2.5, 3.0, 3.6, 4.3, 5.0)
_LEVEL_FROM_FWHM = 3.6
_SECTORS = 8
_ROUNDS = 4
_CLIP_SIGMA = 3.0
# One star's light in one bin may differ from the mean by this part, beyond its noise, without being an outlier.
_STAR_ERROR = 0.1
_BIN_ERROR = 0.01
# What stars are like where these say little: exponent, logarithm of the width, ellipticity; mean and 1 sigma.
_USUAL_BETA = (3.5, 1.0)
_USUAL_WIDTH_SIGMA = 0.3
_USUAL_SHEAR_SIGMA = 0.1
_LARGEST_WIDTH_CHANGE = 0.2


@dataclass(frozen=True)
class Wings:
    """A Moffat profile with elliptical contours.

    Parameters
    ----------
    amplitude : float
        Central value for a star of flux 1.
    width : float
        Pixel.
    beta : float
        Exponent.
    g1, g2 : float
        Reduced shear of the contours.
    """

    amplitude: float
    width: float
    beta: float
    g1: float = 0.0
    g2: float = 0.0

    def at(self, dx: Floats, dy: Floats) -> Floats:
        """Evaluate at offsets from the star (pixel): ``amplitude * (1 + (r / width)^2)^-beta``."""
        unit = self.width**2 * (1.0 - self.g1**2 - self.g2**2)
        xx = ((1.0 - self.g1) ** 2 + self.g2**2) / unit
        yy = ((1.0 + self.g1) ** 2 + self.g2**2) / unit
        xy = -4.0 * self.g2 / unit
        profile: Floats = self.amplitude * (1.0 + xx * dx**2 + yy * dy**2 + xy * dx * dy) ** -self.beta
        return profile

    def stretched(self, factor: float) -> Wings:
        """Return the wings of a PSF that is wider by a factor and holds as much light."""
        return replace(self, amplitude=self.amplitude / factor**2, width=self.width * factor)


def wide_size(fwhm: float) -> int:
    """Return the side (pixel) of stamps that hold the PSF to beyond its normalisation, for a FWHM good to 10 %."""
    return 2 * int(np.ceil(1.1 * NORMALISATION_RADIUS_FWHM * fwhm)) + 1


def fit_wings(stars: StarStamps, fwhm: float) -> Wings:
    """Fit the wings of many stars.

    Parameters
    ----------
    stars : StarStamps
        With positions and fluxes under the core of the PSF; neighbours subtracted or masked. Each star may have a
        sky level of its own.
    fwhm : float
        Pixel.

    Returns
    -------
    Wings
        For a star of flux 1, from 1.5 FWHM outwards. What the stars leave open is that of a usual star.

    Notes
    -----
    The light is compared with the present profile in rings and sectors. A bin's ratio is the mean of all stars'
    without outliers, so that neither a neighbour nor the brightest star decides; the profile through the ratios is
    the next one. Moffat (1969), A&A 3, 455.
    """
    size = stars.light.shape[-1]
    offset = np.arange(size) - size // 2
    dx = np.broadcast_to(
        (offset - (stars.x - np.floor(stars.x + 0.5))[:, None])[:, None, :], stars.light.shape
    )
    dy = np.broadcast_to(
        (offset - (stars.y - np.floor(stars.y + 0.5))[:, None])[:, :, None], stars.light.shape
    )
    radius = np.hypot(dx, dy) / fwhm
    star, row, column = np.nonzero(stars.good & (radius >= _EDGES_FWHM[0]) & (radius < _EDGES_FWHM[-1]))
    index = star, row, column
    dx, dy, radius = dx[index], dy[index], radius[index]
    sample = _Sample(
        star=star,
        ring=np.digitize(radius, _EDGES_FWHM) - 1,
        sector=np.floor((np.arctan2(dy, dx) / (2 * np.pi) % 1.0) * _SECTORS).astype(np.intp) % _SECTORS,
        dx=dx,
        dy=dy,
        light=stars.light[index] / stars.flux[star],
        weight=stars.flux[star] ** 2 / stars.variance[index],
        outer=radius >= _LEVEL_FROM_FWHM,
        n_stars=len(stars.x),
    )
    wings = _usual(fwhm)
    for _ in range(_ROUNDS):
        wings = _refitted(wings, sample, fwhm)
    return wings


def with_wings(core: PsfModel, wings: Wings, size: int) -> PsfModel:
    """Return a PSF with the pixels of a core, and with wings farther out.

    The wings take over between 2 and 2.75 FWHM; how the PSF varies over the image is taken from them between 1.25 and
    2 FWHM already.

    Parameters
    ----------
    core : PsfModel
        One sample per pixel.
    wings : Wings
        In the middle of the core's polynomial; elsewhere they are as much wider or narrower as the core is.
    size : int
        Of the stamp (odd, pixel).
    """
    half, core_half = size // 2, core.coefficients.shape[-1] // 2
    offset = np.arange(-half, half + 1.0)
    dx, dy = np.meshgrid(offset, offset)
    node = np.linspace(-0.8, 0.8, core.degree + 1) if core.degree else np.zeros(1)
    u, v = (grid.ravel() for grid in np.meshgrid(node, node))
    middle = measured_fwhm(core, core.x_zero, core.y_zero)
    drawn = []
    for x, y in zip(core.x_zero + u * core.x_scale, core.y_zero + v * core.y_scale, strict=True):
        factor = measured_fwhm(core, float(x), float(y)) / middle
        factor = float(np.clip(factor, 1.0 - _LARGEST_WIDTH_CHANGE, 1.0 + _LARGEST_WIDTH_CHANGE))
        drawn.append(wings.stretched(factor).at(dx, dy).ravel())
    terms = design_matrix(u, v, core.degree)
    outer = np.linalg.lstsq(terms, np.array(drawn), rcond=None)[0].reshape(-1, size, size)
    radius = np.hypot(dx, dy) / core.fwhm
    share = np.repeat(_handover(radius, *_VARIATION_FWHM)[None], len(outer), axis=0)
    share[0] = _handover(radius, *_MEAN_FWHM)
    inner = np.zeros_like(outer)
    reach = min(half, core_half)
    to, of = (slice(side - reach, side + reach + 1) for side in (half, core_half))
    inner[:, to, to] = core.coefficients[:, of, of]
    return replace(core, coefficients=(share * inner + (1.0 - share) * outer).astype(np.float32))


def _handover(radius: Floats, start: float, end: float) -> Floats:
    """1 within the first radius, 0 beyond the second."""
    share: Floats = 0.5 * (1.0 + np.cos(np.pi * np.clip((radius - start) / (end - start), 0.0, 1.0)))
    return share


@dataclass(frozen=True)
class _Sample:
    """The pixels of all stars in one list; light and weight are those of a star of flux 1."""

    star: NDArray[np.intp]
    ring: NDArray[np.intp]
    sector: NDArray[np.intp]
    dx: Floats
    dy: Floats
    light: Floats
    weight: Floats
    outer: NDArray[np.bool_]
    n_stars: int


def _usual(fwhm: float) -> Wings:
    beta = _USUAL_BETA[0]
    width = fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / beta) - 1.0))
    return Wings((beta - 1.0) / (np.pi * width**2), width, beta)


def _refitted(wings: Wings, sample: _Sample, fwhm: float) -> Wings:
    """Compare all stars with the wings bin by bin, and return the wings that fit better."""
    expected = wings.at(sample.dx, sample.dy)
    residual = sample.light - expected
    residual -= _levels(residual, sample)[sample.star]
    n_bins = (len(_EDGES_FWHM) - 1) * _SECTORS
    number = (sample.star * (len(_EDGES_FWHM) - 1) + sample.ring) * _SECTORS + sample.sector
    shape = sample.n_stars, n_bins
    least = sample.n_stars * n_bins
    information = np.asarray(np.bincount(number, sample.weight * expected**2, least), np.float64)
    signal = np.asarray(np.bincount(number, sample.weight * expected * residual, least), np.float64)
    ratio, error = _stacked(signal.reshape(shape), information.reshape(shape))

    radius = np.sqrt(np.multiply(_EDGES_FWHM[1:], _EDGES_FWHM[:-1])) * fwhm
    angle = 2.0 * np.pi * (np.arange(_SECTORS) + 0.5) / _SECTORS
    dx, dy = (np.outer(radius, along(angle)).ravel() for along in (np.cos, np.sin))
    seen = np.isfinite(error)
    target = (wings.at(dx, dy) * (1.0 + ratio))[seen]
    present, dx, dy, error = wings.at(dx, dy)[seen], dx[seen], dy[seen], error[seen]
    usual = _usual(fwhm)

    def misfit(values: Floats) -> Floats:
        trial = _from_values(values)
        priors = [
            (values[1] - np.log(usual.width)) / _USUAL_WIDTH_SIGMA,
            (trial.beta - _USUAL_BETA[0]) / _USUAL_BETA[1],
            trial.g1 / _USUAL_SHEAR_SIGMA,
            trial.g2 / _USUAL_SHEAR_SIGMA,
        ]
        return np.concatenate([(trial.at(dx, dy) - target) / present / error, priors])

    start = [np.log(wings.amplitude), np.log(wings.width), wings.beta, wings.g1, wings.g2]
    near = np.log(usual.width)
    bounds = [-np.inf, near - 2.0, 1.5, -0.5, -0.5], [np.inf, near + 2.0, 10.0, 0.5, 0.5]
    return _from_values(least_squares(misfit, start, bounds=bounds).x)


def _from_values(values: Floats) -> Wings:
    return Wings(float(np.exp(values[0])), float(np.exp(values[1])), *(float(value) for value in values[2:]))


def _levels(residual: Floats, sample: _Sample) -> Floats:
    """Sky level around each star: the mean of the outer pixels without outliers."""
    weight = np.where(sample.outer, sample.weight, 0.0)
    level = np.zeros(sample.n_stars)
    for _ in range(2):
        total = np.bincount(sample.star, weight, sample.n_stars)
        level = np.bincount(sample.star, weight * residual, sample.n_stars) / np.maximum(total, 1e-30)
        outlier = (residual - level[sample.star]) ** 2 * sample.weight > _CLIP_SIGMA**2
        weight = np.where(sample.outer & ~outlier, sample.weight, 0.0)
    return level


def _stacked(signal: Floats, information: Floats) -> tuple[Floats, Floats]:
    """Weighted mean over the stars of each bin, without outliers, and its error; infinite where no star is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(information > 0, signal / information, 0.0)
        weight = np.where(information > 0, 1.0 / (1.0 / information + _STAR_ERROR**2), 0.0)
    middle = _weighted_median(value, weight)
    kept = np.where((value - middle) ** 2 * weight <= _CLIP_SIGMA**2, weight, 0.0)
    total = kept.sum(axis=0)
    mean = (kept * value).sum(axis=0) / np.maximum(total, 1e-30)
    with np.errstate(divide="ignore"):
        return mean, np.where(total > 0, np.sqrt(1.0 / total + _BIN_ERROR**2), np.inf)


def _weighted_median(value: Floats, weight: Floats) -> Floats:
    order = np.argsort(value, axis=0, kind="stable")
    part = np.cumsum(np.take_along_axis(weight, order, 0), axis=0)
    first = (part >= 0.5 * part[-1]).argmax(axis=0)
    median: Floats = np.take_along_axis(np.take_along_axis(value, order, 0), first[None], 0)[0]
    return median

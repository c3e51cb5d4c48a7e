"""Refining the map between two images with the stars that both share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seechange_core.frames import Floats, SourceTable, unusable
from seechange_core.imaging.alignment.pixel_map import PixelMap
from seechange_core.imaging.astrometry.pairing import mutual_pairs
from seechange_core.imaging.robust import excess_scatter

_CLIP_SIGMA = 3.5
_ITERATIONS = 8
_LEAST_ERROR = 1e-4
#: Fewest stars for each degree of the correction, highest first.
_STARS_FOR_DEGREE = ((300, 3), (60, 2), (15, 1), (5, 0))
#: Stars with errors up to so many times the median error of the best third tell what scatter errors do not explain.
_BEST, _FEWEST_BEST, _AS_GOOD = 1.0 / 3.0, 10, 2.0
#: Relative error of a scatter that comes from the median deviation of n values, times the root of n.
_SCATTER_ERROR = 1.17
#: Misregistration along an axis (pixel), and in units of its own error, that is not worth a resampling.
_NEGLIGIBLE_PIXEL, _NEGLIGIBLE_SIGMA, _LARGEST_NEGLIGIBLE_PIXEL = 0.01, 1.5, 0.02


@dataclass(frozen=True)
class Registration:
    """A refined map and how well it fits.

    Parameters
    ----------
    pixel_map : PixelMap
        From the target's (new image's) pixels to the source's (reference's); moved by whole pixels where that is as
        good.
    error : tuple of float
        Misregistration left, 1 sigma along x and y of the target (pixel): the fit's own error, rms over the image,
        scatter of the stars beyond the centroids' errors, and what was left for the sake of whole pixels. NaN where no
        correction was fitted.
    n_stars : int
        Stars in the fit; 0 where none was made.
    degree : int
        Of the correction; -1 for none.
    """

    pixel_map: PixelMap
    error: tuple[float, float]
    n_stars: int
    degree: int


def refine_pixel_map(
    pixel_map: PixelMap,
    target: SourceTable,
    source: SourceTable,
    *,
    radius: float = 3.0,
    min_snr: float = 20.0,
) -> Registration:
    """Correct a map between two images by a low-order polynomial.

    A cubic from 300 shared stars, a quadratic from 60, a linear one from 15, a shift from 5, nothing below. Stars that
    moved, varied or are blended are clipped. Where the map then is within its error, or 0.01 pixel, of one that moves
    all by whole pixels, it is replaced by that one, which needs no resampling.

    Parameters
    ----------
    pixel_map : PixelMap
        From the target's pixels to the source's, by both sky mappings.
    target, source : SourceTable
        Found on the two images.
    radius : float
        Within which a source is the same (source pixel).
    min_snr : float
        Faintest sources to use.
    """
    target, source = _fit_for_use(target, min_snr), _fit_for_use(source, min_snr)
    x, y = pixel_map(target["x"], target["y"])
    one, two = mutual_pairs(x, y, source["x"], source["y"], radius)
    degree = next((degree for stars, degree in _STARS_FOR_DEGREE if len(one) >= stars), -1)
    if degree < 0:
        return Registration(pixel_map, (float("nan"), float("nan")), 0, -1)
    offsets = np.stack([source["x"][two] - x[one], source["y"][two] - y[one]], axis=1)
    jacobians = pixel_map.jacobian(target["x"][one], target["y"][one])
    errors = _errors(target.rows(one), source.rows(two), jacobians)
    terms = pixel_map.terms(target["x"][one], target["y"][one], degree)
    solution, kept, extra = _fit(terms, offsets, errors)
    total = np.hypot(errors[kept], extra)
    fit_error = np.array([_error_of_fit(terms[kept], pixel_map, degree, total[:, axis]) for axis in (0, 1)])
    corrected = pixel_map.corrected(solution[:, 0], solution[:, 1], degree)
    whole = corrected.nearest_whole_shift()
    off = np.array(corrected.distance_from(whole))
    allowed = np.clip(_NEGLIGIBLE_SIGMA * fit_error, _NEGLIGIBLE_PIXEL, _LARGEST_NEGLIGIBLE_PIXEL)
    if np.all(off < allowed):
        corrected = whole
    else:
        off[:] = 0.0
    left = np.sqrt(fit_error**2 + extra**2 + off**2)
    to_target = np.linalg.inv(corrected.jacobian(*corrected.centre)[0])
    x_error, y_error = np.sqrt(to_target**2 @ left**2)
    return Registration(corrected, (float(x_error), float(y_error)), int(kept.sum()), degree)


def _fit_for_use(sources: SourceTable, min_snr: float) -> SourceTable:
    return sources.rows(sources["is_star"] & (sources["snr"] >= min_snr) & ~unusable(sources["mask"]))


def _errors(target: SourceTable, source: SourceTable, jacobians: Floats) -> Floats:
    """Return the errors of the offsets of pairs along the source's x and y, shape (n, 2)."""
    here, there = (
        np.stack([table["x_error"], table["y_error"]], axis=1).astype(np.float64)
        for table in (target, source)
    )
    moved = np.einsum("nij,nj->ni", jacobians**2, here**2)
    return np.maximum(np.sqrt(moved + there**2), _LEAST_ERROR)


def _fit(terms: Floats, offsets: Floats, errors: Floats) -> tuple[Floats, np.ndarray, Floats]:
    """Weighted fit of both axes with clipping; returns coefficients, stars kept and scatter beyond the errors."""
    kept = np.ones(len(terms), bool)
    solution = np.zeros((terms.shape[1], 2))
    solution[0] = np.median(offsets, axis=0)
    extra = np.zeros(2)
    for iteration in range(_ITERATIONS):
        residual = offsets - terms @ solution
        extra = np.array([_unexplained(residual[kept, axis], errors[kept, axis]) for axis in (0, 1)])
        weight = 1.0 / np.hypot(errors, extra)
        now = np.all(np.abs(residual) * weight < _CLIP_SIGMA, axis=1)
        if now.sum() < 2 * terms.shape[1]:
            now = kept
        for axis in (0, 1):
            w = weight[now, axis]
            solution[:, axis] = np.linalg.lstsq(terms[now] * w[:, None], offsets[now, axis] * w, rcond=None)[
                0
            ]
        if np.array_equal(now, kept) and iteration > 0:
            break
        kept = now
    return solution, kept, extra


def _error_of_fit(terms: Floats, pixel_map: PixelMap, degree: int, errors: Floats) -> float:
    """Return the error of the correction along one axis, rms over the map's box."""
    weighted = terms / errors[:, None]
    covariance = np.linalg.pinv(weighted.T @ weighted)
    everywhere = pixel_map.terms(*pixel_map.grid(), degree)
    return float(np.sqrt(np.mean(np.einsum("np,pq,nq->n", everywhere, covariance, everywhere))))


def _unexplained(residuals: Floats, errors: Floats) -> float:
    """Return the scatter beyond the errors, 0 if it is less than its own error.

    Bright stars measure it best, and errors that are wrong spoil it least there.
    """
    best = np.sort(errors)[: max(round(_BEST * len(errors)), _FEWEST_BEST)]
    chosen = errors <= _AS_GOOD * np.median(best)
    allowed = errors[chosen] * (1.0 + _SCATTER_ERROR / np.sqrt(np.count_nonzero(chosen)))
    if excess_scatter(residuals[chosen], allowed) == 0.0:
        return 0.0
    return excess_scatter(residuals[chosen], errors[chosen])

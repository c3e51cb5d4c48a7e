"""Fitting a sky mapping, gnomonic with SIP, to sources matched with stars."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.mapping import project
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.astrometry.tan_sip import as_tan_sip, sip_degree
from seechange_core.imaging.robust import excess_scatter

_CLIP_SIGMA = 3.5
_ITERATIONS = 10
_MAS_PER_DEG = 3.6e6
#: Fewest stars for each degree of the correction, highest first.
_STARS_FOR_DEGREE = ((60, 3), (20, 2), (6, 1), (1, 0))
#: A degree above the first is not used if the mapping's error would be larger, in pixels.
_LARGEST_ERROR_PIXEL = 0.2
#: Residuals from which the scatter beyond the errors is found: enough to know it to 1.5 %.
_ENOUGH_RESIDUALS = 5000
_GRID = 9


@dataclass(frozen=True)
class AstrometricFit:
    """A mapping and the stars that made it.

    Parameters
    ----------
    mapping : SkyMapping
        With ``rms_mas``, ``n_stars`` and ``error_mas``.
    kept : bool array of shape (n,)
        Pairs that were not clipped.
    degree : int
        Of the correction that was fitted.
    excess_mas : float
        Scatter beyond the errors of centroids and catalogue, along one axis.
    residual_mas : array of shape (n, 2)
        Of all pairs, star minus source, to the east and north.
    error_mas : array of shape (n,)
        Of the pairs, along one axis.
    x, y : array of shape (n,)
        Positions of the pairs (pixel).
    """

    mapping: SkyMapping
    kept: NDArray[np.bool_]
    degree: int
    excess_mas: float
    residual_mas: Floats
    error_mas: Floats
    x: Floats
    y: Floats


def fit_mapping(
    x: Floats,
    y: Floats,
    error_pixel: Floats,
    ra: Floats,
    dec: Floats,
    error_mas: Floats,
    start: SkyMapping,
    shape: tuple[int, int],
    *,
    max_degree: int = 3,
) -> AstrometricFit:
    """Correct a mapping by a polynomial of position, and express the whole as TAN-SIP.

    The degree of the correction follows the number of stars (3 from 60, 2 from 20, 1 from 6, else a shift), so that the
    distortion that the first mapping knows is kept where the stars are too few to measure it. It is lowered where the
    stars leave so much of the image empty that the mapping would be unknown there.

    Parameters
    ----------
    x, y, error_pixel : array of shape (n,)
        Sources and the error of their position along one axis (pixel).
    ra, dec, error_mas : array of shape (n,)
        Their stars (deg), and the error along one axis.
    start : SkyMapping
        Good enough that the pairs are right.
    shape : tuple of int
        Rows and columns of the image, over which the mapping has to hold.
    max_degree : int
        Of the correction.

    Raises
    ------
    ValueError
        If there is no pair.
    """
    if len(x) == 0:
        raise ValueError("no stars to fit a mapping to")
    centre = _sky(start, 0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1))
    wanted = np.stack(project(ra, dec, centre), axis=1)
    offsets = (wanted - np.stack(project(*start.pixel_to_sky(x, y), centre), axis=1)) * _MAS_PER_DEG
    errors = np.hypot(np.asarray(error_pixel, np.float64) * start.pixel_scale_arcsec * 1e3, error_mas)
    errors = np.maximum(errors, 1e-3)
    degree = min(max_degree, next(degree for stars, degree in _STARS_FOR_DEGREE if len(x) >= stars))
    limit_mas = _LARGEST_ERROR_PIXEL * start.pixel_scale_arcsec * 1e3
    while True:
        terms = _terms(x, y, shape, degree)
        solution, kept, extra = _fit(terms, offsets, errors)
        mapping_error_mas = _error_over_image(terms[kept], np.hypot(errors[kept], extra), shape, degree)
        if degree <= 1 or mapping_error_mas < limit_mas:
            break
        degree -= 1
    residual = offsets - terms @ solution

    def plane(at_x: Floats, at_y: Floats) -> Floats:
        from_start = np.stack(project(*start.pixel_to_sky(at_x, at_y), centre), axis=1)
        return from_start + _terms(at_x, at_y, shape, degree) @ solution / _MAS_PER_DEG

    mapping = as_tan_sip(plane, centre, shape, max(degree, sip_degree(start), 1))
    fitted = replace(
        mapping,
        rms_mas=float(np.sqrt(np.mean(residual[kept] ** 2))),
        n_stars=int(kept.sum()),
        error_mas=mapping_error_mas,
    )
    return AstrometricFit(fitted, kept, degree, extra, residual, errors, x, y)


def residual_map(
    fit: AstrometricFit, shape: tuple[int, int], cells: tuple[int, int] = (8, 4)
) -> dict[str, Any]:
    """Average the residuals of the stars that were kept over cells of the image: what the polynomial cannot follow.

    Returns
    -------
    dict
        ``n``, ``east_mas`` and ``north_mas``: rows of cells, from the bottom; None where a cell has no star.
    """
    ny, nx = shape
    row = np.clip((fit.y[fit.kept] + 0.5) * cells[0] / ny, 0, cells[0] - 1).astype(int)
    column = np.clip((fit.x[fit.kept] + 0.5) * cells[1] / nx, 0, cells[1] - 1).astype(int)
    place = row * cells[1] + column
    number = np.bincount(place, minlength=cells[0] * cells[1])
    result: dict[str, Any] = {"n": number.reshape(cells).tolist()}
    for axis, name in enumerate(("east_mas", "north_mas")):
        total = np.bincount(place, fit.residual_mas[fit.kept, axis], cells[0] * cells[1])
        means = [round(value / n, 3) if n else None for value, n in zip(total.tolist(), number, strict=True)]
        result[name] = [means[start : start + cells[1]] for start in range(0, len(means), cells[1])]
    return result


def _sky(mapping: SkyMapping, x: float, y: float) -> tuple[float, float]:
    ra, dec = mapping.pixel_to_sky([x], [y])
    return float(ra[0]), float(dec[0])


def _terms(x: Floats, y: Floats, shape: tuple[int, int], degree: int) -> Floats:
    ny, nx = shape
    return design_matrix(2.0 * x / nx - 1.0, 2.0 * y / ny - 1.0, degree)


def _error_over_image(terms: Floats, errors: Floats, shape: tuple[int, int], degree: int) -> float:
    """Return the rms over the image of the error along one axis that the stars' errors leave; infinite if unknown."""
    if len(terms) < terms.shape[1]:
        return math.inf
    weighted = terms / errors[:, None]
    try:
        covariance = np.linalg.inv(weighted.T @ weighted)
    except np.linalg.LinAlgError:
        return math.inf
    y, x = np.meshgrid(*((np.arange(_GRID) + 0.5) * side / _GRID for side in shape), indexing="ij")
    grid = _terms(x.ravel(), y.ravel(), shape, degree)
    return float(np.sqrt(np.mean(np.einsum("ij,jk,ik->i", grid, covariance, grid))))


def _fit(terms: Floats, offsets: Floats, errors: Floats) -> tuple[Floats, NDArray[np.bool_], float]:
    """Weighted fit with clipping; weights include the scatter that the errors leave unexplained."""
    kept = np.ones(len(terms), bool)
    solution: Floats = np.zeros((terms.shape[1], 2))
    solution[0] = np.median(offsets, axis=0)
    extra = 0.0
    step = math.ceil(2 * len(terms) / _ENOUGH_RESIDUALS)
    for iteration in range(_ITERATIONS):
        residual = offsets - terms @ solution
        some = np.flatnonzero(kept)[::step]
        extra = excess_scatter(residual[some].ravel(), np.repeat(errors[some], 2))
        weight = 1.0 / np.hypot(errors, extra)
        now = np.hypot(residual[:, 0], residual[:, 1]) * weight < _CLIP_SIGMA
        if now.sum() < min(len(terms), terms.shape[1] + 1):
            now = kept
        w = weight[now, None]
        solution = np.asarray(np.linalg.lstsq(terms[now] * w, offsets[now] * w, rcond=None)[0], np.float64)
        if iteration > 1 and np.array_equal(now, kept):
            break
        kept = now
    return solution, kept, extra

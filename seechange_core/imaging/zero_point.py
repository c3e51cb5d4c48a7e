"""The zero point of an image from stars of known magnitude, among them variables, blends and galaxies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats
from seechange_core.imaging.robust import excess_scatter, scatter

_ITERATIONS = 30
_FEW = 5
_MEDIAN_ERROR = 1.2533


@dataclass(frozen=True)
class ZeroPointFit:
    """A zero point and the stars that made it.

    Parameters
    ----------
    zero_point, error : float
        At the pivot colour (mag); the error is that of the mean.
    scatter : float
        Robust scatter of the stars kept (mag).
    colour_term : float
        Magnitudes per magnitude of colour.
    kept : bool array of shape (n,)
        Stars that were not clipped.
    """

    zero_point: float
    error: float
    scatter: float
    colour_term: float
    kept: NDArray[np.bool_]


def fit_zero_point(
    differences: Floats,
    errors: Floats,
    colours: Floats,
    *,
    pivot_colour: float,
    colour_term: float = 0.0,
    fit_colour_term: bool = False,
    clip_sigma: float = 3.0,
) -> ZeroPointFit:
    """Fit catalogue minus instrumental magnitude = zero point + colour term (colour - pivot).

    It starts from the middle of the shortest interval that holds half of the stars, a robust estimate of the mode, so
    that a tail of blends and galaxies does not pull it; then stars are clipped and averaged with weights that include
    the scatter which the errors leave unexplained.

    Parameters
    ----------
    differences, errors : array of shape (n,)
        Catalogue minus instrumental magnitude, and its error (mag).
    colours : array of shape (n,)
        Not used, and possibly NaN, where the colour term is zero and not fitted.
    pivot_colour : float
        Colour that the zero point refers to.
    colour_term : float
        Used where it is not fitted.
    fit_colour_term : bool
        Whether to fit it.
    clip_sigma : float
        Beyond which a star is left out.

    Raises
    ------
    ValueError
        If there is no star.

    Notes
    -----
    The shorth: Andrews et al. (1972), Robust Estimates of Location. Fewer than 5 stars: their median, with the
    larger of the formal error and that from their scatter.
    """
    if len(differences) == 0:
        raise ValueError("no stars to fit a zero point to")
    excess_colour = np.where(np.isfinite(colours), colours, pivot_colour) - pivot_colour
    errors = np.maximum(errors, 1e-5)
    terms = np.stack([np.ones(len(differences)), excess_colour], axis=1)[:, : 2 if fit_colour_term else 1]
    values = differences if fit_colour_term else differences - colour_term * excess_colour
    if len(values) < _FEW:
        return _of_few(values, errors, colour_term)
    solution = np.zeros(terms.shape[1])
    solution[0] = _shorth(values)
    kept = np.abs(values - solution[0]) <= clip_sigma * max(_half_width(values), float(np.median(errors)))
    total = errors
    for iteration in range(_ITERATIONS):
        residual = values - terms @ solution
        total = np.hypot(errors, excess_scatter(residual[kept], errors[kept]))
        if iteration:
            now = np.abs(residual) < clip_sigma * total
            if now.sum() < terms.shape[1] + 1 or (np.array_equal(now, kept) and iteration > 2):
                break
            kept = now
        w = 1.0 / total[kept]
        solution = np.linalg.lstsq(terms[kept] * w[:, None], values[kept] * w, rcond=None)[0]
    weight = 1.0 / total[kept] ** 2
    covariance = np.linalg.inv((terms[kept] * weight[:, None]).T @ terms[kept])
    slope = float(solution[1]) if fit_colour_term else colour_term
    residual = (values - terms @ solution)[kept]
    return ZeroPointFit(float(solution[0]), float(np.sqrt(covariance[0, 0])), scatter(residual), slope, kept)


def _of_few(values: Floats, errors: Floats, colour_term: float) -> ZeroPointFit:
    middle = float(np.median(values))
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else float(errors[0])
    single = max(spread, float(np.median(errors)))
    error = (_MEDIAN_ERROR if len(values) > 2 else 1.0) * single / np.sqrt(len(values))
    return ZeroPointFit(middle, float(error), spread, colour_term, np.ones(len(values), bool))


def _shortest_half(values: Floats) -> Floats:
    ordered = np.sort(values)
    half = len(ordered) // 2 + 1
    start = int(np.argmin(ordered[half - 1 :] - ordered[: len(ordered) - half + 1]))
    return ordered[start : start + half]


def _shorth(values: Floats) -> float:
    return float(np.mean(_shortest_half(values)))


def _half_width(values: Floats) -> float:
    """Return the standard deviation of the Gaussian whose shortest half is as long."""
    half = _shortest_half(values)
    return float(half[-1] - half[0]) / (2.0 * 0.6745)

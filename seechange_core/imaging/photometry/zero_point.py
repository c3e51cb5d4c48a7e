"""The zero point of an image from stars of known magnitude, among them variables, blends and galaxies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats
from seechange_core.imaging.photometry.star_mixture import MixtureFit, fit_mixture
from seechange_core.imaging.robust import scatter

_FEW = 8
_MEDIAN_ERROR = 1.2533
#: Stars that a further coefficient of the variation over the image needs.
_STARS_PER_TERM = 20
_IN_CORE = 0.5


@dataclass(frozen=True)
class ZeroPointFit:
    """A zero point and the stars that made it.

    Parameters
    ----------
    zero_point, error : float
        At the pivot colour, in the mean over the image (mag); the error is that of the mean.
    scatter : float
        Robust scatter of the stars kept (mag).
    colour_term : float
        Magnitudes per magnitude of colour.
    kept : bool array of shape (n,)
        Stars that are neither variable nor blended, more likely than not.
    variation : tuple of float
        Coefficients of the terms of the variation over the image (mag); fewer than offered if stars do not ask for
        them.
    """

    zero_point: float
    error: float
    scatter: float
    colour_term: float
    kept: NDArray[np.bool_]
    variation: tuple[float, ...] = ()


def fit_zero_point(
    differences: Floats,
    errors: Floats,
    excess_colours: Floats,
    *,
    colour_term: float | None = 0.0,
    variation_terms: Floats | None = None,
) -> ZeroPointFit:
    """Fit catalogue minus instrumental magnitude = zero point + colour term * excess colour + variation.

    The stars are taken as a mixture of good ones, blends and variables, see `star_mixture.fit_mixture`, so that a
    tail of blends and galaxies does not pull the zero point. The fit starts from the middle of the shortest interval
    that holds half of those stars whose errors are below the median.

    Parameters
    ----------
    differences, errors : array of shape (n,)
        Catalogue minus instrumental magnitude, and its error (mag).
    excess_colours : array of shape (n,)
        Colour minus the colour that the zero point refers to; zero where no colour is known.
    colour_term : float, optional
        None to fit it.
    variation_terms : array of shape (n, 2) or (n, 5), optional
        Terms of a variation over the image, zero in their mean: two of the first degree, and three of the second. The
        degree is the one of the least Bayesian information criterion among those that have 20 stars a coefficient.

    Raises
    ------
    ValueError
        If there is no star.

    Notes
    -----
    The shorth: Andrews et al. (1972), Robust Estimates of Location. The criterion: Schwarz (1978), Ann. Stat. 6, 461.
    Fewer than 8 stars: their median, with the larger of the formal error and that from their scatter.
    """
    if len(differences) == 0:
        raise ValueError("no stars to fit a zero point to")
    errors = np.maximum(errors, 1e-4)
    values = differences - (colour_term or 0.0) * excess_colours
    if len(values) < _FEW:
        return _of_few(values, errors, colour_term or 0.0)
    base = [np.ones(len(values))] + ([excess_colours] if colour_term is None else [])
    start = np.zeros(len(base))
    start[0] = _shorth(values[errors <= np.median(errors)])
    terms = np.stack(base, axis=1)
    best = fit_mixture(values, errors, terms, start)
    for degree_terms in _offered(variation_terms, len(values)):
        larger = np.concatenate([np.stack(base, axis=1), degree_terms], axis=1)
        first, gain = _linear_fit(values, errors, larger, best, terms)
        if gain > _penalty(larger, best):
            fit = fit_mixture(values, errors, larger, first)
            if 2.0 * (fit.log_likelihood - best.log_likelihood) > _penalty(larger, best):
                best, terms = fit, larger
    kept = best.in_core > _IN_CORE
    return ZeroPointFit(
        zero_point=float(best.solution[0]),
        error=float(np.sqrt(best.covariance[0, 0])),
        scatter=scatter((values - terms @ best.solution)[kept]),
        colour_term=float(best.solution[1]) if colour_term is None else colour_term,
        kept=kept,
        variation=tuple(float(value) for value in best.solution[len(base) :]),
    )


def _offered(terms: Floats | None, n_stars: int) -> list[Floats]:
    """Return the terms of the first degree, and of both, as far as the stars suffice."""
    if terms is None:
        return []
    sizes = [size for size in (2, 5) if size <= terms.shape[1] and n_stars >= _STARS_PER_TERM * size]
    return [terms[:, :size] for size in sizes]


def _linear_fit(
    values: Floats, errors: Floats, larger: Floats, best: MixtureFit, terms: Floats
) -> tuple[Floats, float]:
    """Return the solution with more terms while the stars keep their shares, and the fall of chi-square."""
    weight = best.in_core / (errors**2 + best.scatter**2)
    normal = (larger * weight[:, None]).T @ larger
    solution = np.asarray(np.linalg.solve(normal, larger.T @ (weight * values)), np.float64)
    before, after = values - terms @ best.solution, values - larger @ solution
    return solution, float((weight * (before**2 - after**2)).sum())


def _penalty(larger: Floats, best: MixtureFit) -> float:
    """Return by how much twice the logarithm of the likelihood must rise for more terms."""
    return (larger.shape[1] - len(best.solution)) * float(np.log(best.in_core.sum()))


def _of_few(values: Floats, errors: Floats, colour_term: float) -> ZeroPointFit:
    middle = float(np.median(values))
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else float(errors[0])
    single = max(spread, float(np.median(errors)))
    error = (_MEDIAN_ERROR if len(values) > 2 else 1.0) * single / np.sqrt(len(values))
    return ZeroPointFit(middle, float(error), spread, colour_term, np.ones(len(values), bool))


def _shorth(values: Floats) -> float:
    ordered = np.sort(values)
    half = len(ordered) // 2 + 1
    start = int(np.argmin(ordered[half - 1 :] - ordered[: len(ordered) - half + 1]))
    return float(np.mean(ordered[start : start + half]))

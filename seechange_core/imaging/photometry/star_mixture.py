"""The location of a sample of stars among which are blends, which are too bright, and variables, which are either."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from seechange_core.frames import Floats

_MOST_ROUNDS = 300
_TOLERANCE_MAG = 1e-5
_STEP = 1e-4
#: Prior strength in stars: shape parameters of a handful of stars stay near what is usual.
_PRIOR_STARS = 2.0
_USUAL_FRACTIONS = np.array([0.85, 0.10, 0.05])
_USUAL_TAIL_MAG, _USUAL_WIDE_MAG = 0.2, 0.3
_LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class _Shape:
    """What describes the mixture besides its location: fractions of core, tail and wide part, scales in mag."""

    fractions: Floats
    scatter: float
    tail: float
    wide: float

    def moved(self, number: int, step: float) -> _Shape:
        """Return a shape with one parameter changed by a relative step."""
        factor = np.exp(step)
        if number < 2:
            weights = self.fractions * np.where(np.arange(3) == number + 1, factor, 1.0)
            return _Shape(weights / weights.sum(), self.scatter, self.tail, self.wide)
        scatter, tail, wide = (
            value * (factor if number == 2 + position else 1.0)
            for position, value in enumerate((self.scatter, self.tail, self.wide))
        )
        return _Shape(self.fractions, scatter, tail, wide)


@dataclass(frozen=True)
class MixtureFit:
    """Location of the core and what was found beside it.

    Parameters
    ----------
    solution : array of shape (m,)
        Coefficients of the terms.
    covariance : array of shape (m, m)
        Of the solution, the uncertainty of the mixture's shape included.
    scatter : float
        Of the core, beyond the errors.
    in_core : array of shape (n,)
        Probability of each star to belong to the core.
    log_likelihood : float
        Of the sample.
    """

    solution: Floats
    covariance: Floats
    scatter: float
    in_core: Floats
    log_likelihood: float


def fit_mixture(values: Floats, errors: Floats, terms: Floats, start: Floats) -> MixtureFit:
    """Fit values = terms times solution + deviation, where the deviation follows a mixture.

    The core is Gaussian with the errors and a common scatter. Blends deviate upwards by an exponential law, variables
    to either side by a wide Gaussian; both have the core's errors besides. Expectation and maximisation alternate.

    Parameters
    ----------
    values, errors : array of shape (n,)
        Catalogue minus instrumental magnitude (positive where a blend adds light), and its positive error.
    terms : array of shape (n, m)
        First column 1.
    start : array of shape (m,)
        Solution near the core.

    Notes
    -----
    Dempster, Laird & Rubin (1977), JRSS B 39, 1. The covariance is the inverse of the sum of outer products of the
    stars' scores (Berndt et al. 1974, Ann. Econ. Soc. Meas. 3, 653) over location and shape.
    """
    solution = np.array(start, np.float64)
    least_tail = 2.0 * float(np.median(errors))
    residual = values - terms @ solution
    sharp = errors <= np.median(errors)
    first_scatter = float(np.median(np.abs(residual[sharp]))) + 1e-4
    shape = _Shape(_USUAL_FRACTIONS, first_scatter, _USUAL_TAIL_MAG, _USUAL_WIDE_MAG)
    share = np.empty((3, len(values)))
    for _ in range(_MOST_ROUNDS):
        share = _shares(residual, errors, shape)
        variance = errors**2 + shape.scatter**2
        shape = _updated(residual, errors, variance, share, shape, least_tail)
        weight = share[0] / (errors**2 + shape.scatter**2)
        before = solution
        solution = np.linalg.solve((terms * weight[:, None]).T @ terms, terms.T @ (weight * values))
        residual = values - terms @ solution
        if np.abs(solution - before).max() < _TOLERANCE_MAG:
            break
    likelihood = float(_total(_log_densities(residual, errors, shape)).sum())
    return MixtureFit(
        solution, _covariance(values, errors, terms, solution, shape), shape.scatter, share[0], likelihood
    )


def _log_densities(residual: Floats, errors: Floats, shape: _Shape) -> Floats:
    """Return the logarithms of the three parts' densities times their fractions, shape (3, n)."""
    variance = errors**2 + shape.scatter**2
    sigma = np.sqrt(variance)
    wide = variance + shape.wide**2
    core = -0.5 * (residual**2 / variance + np.log(variance) + _LOG_2PI)
    tail = (
        0.5 * variance / shape.tail**2
        - residual / shape.tail
        - np.log(shape.tail)
        + log_ndtr(residual / sigma - sigma / shape.tail)
    )
    far = -0.5 * (residual**2 / wide + np.log(wide) + _LOG_2PI)
    found: Floats = np.stack([core, tail, far]) + np.log(shape.fractions)[:, None]
    return found


def _shares(residual: Floats, errors: Floats, shape: _Shape) -> Floats:
    densities = _log_densities(residual, errors, shape)
    shares: Floats = np.exp(densities - densities.max(axis=0))
    shares /= shares.sum(axis=0)
    return shares


def _total(log_densities: Floats) -> Floats:
    """Return the logarithm of the sum of densities over the first axis."""
    largest = log_densities.max(axis=0)
    total: Floats = largest + np.log(np.exp(log_densities - largest).sum(axis=0))
    return total


def _updated(
    residual: Floats, errors: Floats, variance: Floats, share: Floats, shape: _Shape, least_tail: float
) -> _Shape:
    """Return the shape that the stars' shares make most likely, with a weak prior towards the usual one."""
    count = share.sum(axis=1)
    fractions = (count + _PRIOR_STARS * _USUAL_FRACTIONS) / (count.sum() + _PRIOR_STARS)
    part = shape.scatter**2 / variance
    scatter2 = float((share[0] * (part**2 * residual**2 + part * errors**2)).sum() / count[0])
    sigma = np.sqrt(variance)
    middle = residual - variance / shape.tail
    ratio = np.exp(-0.5 * (middle / sigma) ** 2 - 0.5 * _LOG_2PI - log_ndtr(middle / sigma))
    added = np.maximum(middle + sigma * ratio, 0.0)
    tail = float((share[1] * added).sum() + _PRIOR_STARS * _USUAL_TAIL_MAG) / (count[1] + _PRIOR_STARS)
    far = shape.wide**2 / (variance + shape.wide**2)
    wide2 = float((share[2] * (far**2 * residual**2 + far * variance)).sum())
    wide2 = (wide2 + _PRIOR_STARS * _USUAL_WIDE_MAG**2) / (count[2] + _PRIOR_STARS)
    return _Shape(fractions, max(np.sqrt(scatter2), 1e-4), max(tail, least_tail), float(np.sqrt(wide2)))


def _covariance(values: Floats, errors: Floats, terms: Floats, solution: Floats, shape: _Shape) -> Floats:
    def log_density(at: Floats, of: _Shape) -> Floats:
        return _total(_log_densities(values - at, errors, of))

    centre = terms @ solution
    by_location = log_density(centre + _STEP, shape) - log_density(centre - _STEP, shape)
    scores = [terms * (by_location / (2.0 * _STEP))[:, None]]
    for number in range(5):
        up, down = shape.moved(number, _STEP), shape.moved(number, -_STEP)
        scores.append(((log_density(centre, up) - log_density(centre, down)) / (2.0 * _STEP))[:, None])
    score = np.concatenate(scores, axis=1)
    information = score.T @ score
    # The prior of the shape: each of its parameters is known to a factor of about e^(1 / sqrt(2)) at worst.
    information[np.arange(-5, 0), np.arange(-5, 0)] += _PRIOR_STARS
    size = terms.shape[1]
    # With few stars more terms than scores would leave it singular.
    information[np.arange(size), np.arange(size)] += 1.0
    covariance: Floats = np.asarray(np.linalg.inv(information)[:size, :size], np.float64)
    return covariance

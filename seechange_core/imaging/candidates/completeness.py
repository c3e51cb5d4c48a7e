"""Which part of the sources a search finds, as a function of their magnitude."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from seechange_core.frames import Floats

_FEWEST = 10
#: Noise of 1 sigma blurs a threshold of 10 sigma by as much.
_NARROWEST_MAG = 0.1
_LEAST_EFFICIENCY = 0.505
_START_WIDTH_MAG = 0.25
#: Nothing is found, or missed, for sure: what no curve explains must not decide everything.
_LEAST_PROBABILITY = 1e-3
_STEP = 1e-4


@dataclass(frozen=True)
class CompletenessFit:
    """A curve of completeness; NaN where too few sources decide it.

    Parameters
    ----------
    magnitude50, error50 : float
        Magnitude at which half are found, and its error.
    width, width_error : float
        Standard deviation of the slope (mag), and its error.
    efficiency : float
        Part of the brightest that is found.
    """

    magnitude50: float = math.nan
    error50: float = math.nan
    width: float = math.nan
    width_error: float = math.nan
    efficiency: float = math.nan

    def at(self, magnitude: Floats) -> Floats:
        """Return the completeness at magnitudes, 0 to 1."""
        return _curve(np.array([self.magnitude50, self.width, self.efficiency]), magnitude)


def fit_completeness(magnitude: Floats, found: NDArray[np.bool_]) -> CompletenessFit:
    """Fit a cumulative normal curve with an upper level by maximum likelihood.

    Parameters
    ----------
    magnitude : array of shape (n,)
        Of the sources, in any system in which more is fainter.
    found : bool array of shape (n,)

    Returns
    -------
    CompletenessFit
        All NaN where there are fewer than ten sources, or all, or none, were found; or where the half lies outside the
        magnitudes that were tried, for then it is a guess.

    Notes
    -----
    ``c(m) = e * Phi((m50 - m) / w + z)`` with ``Phi(z) = 1 / (2 e)``, so that ``c(m50) = 1/2``. Errors are from the
    expected information: ``sum(dc/dp dc/dq / (c (1 - c)))``.
    """
    if len(magnitude) < _FEWEST or found.all() or not found.any():
        return CompletenessFit()
    brightest, faintest = float(magnitude.min()), float(magnitude.max())
    share = float(found.mean())
    start = np.array([brightest + share * (faintest - brightest), _START_WIDTH_MAG, 0.95])

    def unlikelihood(parameters: Floats) -> float:
        chance = np.clip(_curve(parameters, magnitude), _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
        return -float(np.sum(np.log(np.where(found, chance, 1.0 - chance))))

    simplex = start + np.array([[0, 0, 0], [0.2, 0, 0], [0, 0.2, 0], [0, 0, -0.1]])
    best = minimize(
        unlikelihood,
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-4, "fatol": 1e-4},
    ).x
    if not brightest <= best[0] <= faintest:
        return CompletenessFit()
    efficiency = _bounded_efficiency(best[2])
    best = np.array([best[0], max(best[1], _NARROWEST_MAG), efficiency])
    error50, width_error = _errors(best, magnitude)
    return CompletenessFit(float(best[0]), error50, float(best[1]), width_error, efficiency)


def _curve(parameters: Floats, magnitude: Floats) -> Floats:
    middle, width, efficiency = parameters
    efficiency = _bounded_efficiency(efficiency)
    deviate = (middle - magnitude) / max(width, _NARROWEST_MAG) + ndtri(0.5 / efficiency)
    chance: Floats = efficiency * ndtr(deviate)
    return chance


def _bounded_efficiency(efficiency: float) -> float:
    return float(min(max(efficiency, _LEAST_EFFICIENCY), 1.0))


def _errors(best: Floats, magnitude: Floats) -> tuple[float, float]:
    """Return the errors of the middle and the width; the efficiency is uncertain too, unless it is 1."""
    steps = np.diag([_STEP, _STEP, -_STEP])[: 2 if best[2] == 1.0 else 3]
    chance = _curve(best, magnitude)
    slopes = np.array([(_curve(best + step, magnitude) - chance) / step.sum() for step in steps])
    weight = 1.0 / np.maximum(chance * (1.0 - chance), _LEAST_PROBABILITY**2)
    information = (slopes * weight) @ slopes.T
    if np.linalg.cond(information) > 1.0 / np.finfo(np.float32).eps:
        return math.nan, math.nan
    covariance = np.linalg.inv(information)
    return math.sqrt(covariance[0, 0]), math.sqrt(covariance[1, 1])

"""Scatter and location of samples with outliers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seechange_core.frames import Floats

_SIGMA_OF_MAD = 1.4826022185056018
_BISECTIONS = 40


def scatter(values: ArrayLike) -> float:
    """Return the standard deviation that a Gaussian of the same median absolute deviation has; NaN for no values."""
    sample = np.asarray(values, np.float64)
    if sample.size == 0:
        return float("nan")
    return float(_SIGMA_OF_MAD * np.median(np.abs(sample - np.median(sample))))


def excess_scatter(residuals: Floats, errors: Floats) -> float:
    """Return the scatter that has to be added in quadrature to the errors to explain the residuals.

    Found by bisection, so that the median of ``|residual| / total error`` is that of a Gaussian.

    Parameters
    ----------
    residuals, errors : array of shape (n,)
        About zero, in the same unit.
    """

    def too_small(extra: float) -> bool:
        return bool(_SIGMA_OF_MAD * np.median(np.abs(residuals) / np.hypot(errors, extra)) > 1.0)

    if len(residuals) == 0 or not too_small(0.0):
        return 0.0
    low, high = 0.0, float(2.0 * _SIGMA_OF_MAD * np.median(np.abs(residuals)))
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if too_small(middle) else (low, middle)
    return 0.5 * (low + high)

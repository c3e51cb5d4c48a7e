"""Numbers proportional to the charge, from numbers that are not quite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from seechange_core.frames import Pixels

#: A curve is tabulated up to here in steps of 1 ADU; above it goes on as it ends.
_TOP_ADU = 70000


def curve_of_knots(measured_adu: ArrayLike, linear_adu: ArrayLike) -> Pixels:
    """Tabulate a curve that is straight between knots.

    Parameters
    ----------
    measured_adu, linear_adu : array of shape (n,)
        Signal above bias as read, ascending, and what it should be. Beyond the last knot the ratio stays.

    Returns
    -------
    array of shape (70001,), float32
        Linear signal for each whole number of ADU.
    """
    measured, linear = np.asarray(measured_adu, float), np.asarray(linear_adu, float)
    if measured[0] > 0:
        measured, linear = np.r_[0.0, measured], np.r_[0.0, linear]
    grid = np.arange(_TOP_ADU + 1.0)
    curve = np.interp(grid, measured, linear)
    above = grid > measured[-1]
    curve[above] = grid[above] * (linear[-1] / measured[-1])
    return curve.astype(np.float32)


def curve_of_polynomial(coefficients: Sequence[float]) -> Pixels:
    """Tabulate c_1 m + c_2 m^2 + ... of the measured signal m (ADU); see `curve_of_knots`."""
    grid = np.arange(_TOP_ADU + 1.0)
    return np.polynomial.polynomial.polyval(grid, [0.0, *coefficients]).astype(np.float32)


def linearised(data: NDArray[np.float32], curve: Pixels) -> Pixels:
    """Look pixels up in a curve, interpolating between whole ADU; negative ones take its slope at 0."""
    return _linearised(data, curve)


@njit(cache=True)
def _linearised(data: Pixels, curve: Pixels) -> Pixels:
    result = np.empty(data.shape, np.float32)
    last = len(curve) - 1
    slope = curve[1] - curve[0]
    beyond = curve[last] / np.float32(last)
    for y in range(data.shape[0]):
        for x in range(data.shape[1]):
            value = data[y, x]
            if value <= 0:
                result[y, x] = curve[0] + value * slope
            elif value < last:
                step = int(value)
                result[y, x] = curve[step] + (value - np.float32(step)) * (curve[step + 1] - curve[step])
            else:
                result[y, x] = value * beyond
    return result

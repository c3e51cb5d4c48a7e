"""Second moments of sources with a weight that takes their own shape."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats

_ITERATIONS = 50
_CONVERGED = 1e-3
#: Beyond this ratio to the first guess the weight has run away to a pixel, or to the noise of the whole stamp.
_LARGEST_RATIO = 9.0


def adaptive_moments(light: Floats, good: NDArray[np.bool_], dx: Floats, dy: Floats, fwhm: float) -> Floats:
    """Measure second moments with an elliptical Gaussian weight of the same moments.

    Parameters
    ----------
    light : array of shape (n, size, size)
        Positive where there is light.
    good : bool array of shape (n, size, size)
        Pixels to use.
    dx, dy : array of shape (n,)
        Centres relative to the middle pixel (pixel).
    fwhm : float
        Of the PSF (pixel): the first guess.

    Returns
    -------
    array of shape (n, 3)
        xx, yy and xy (pixel^2) of the Gaussian that fits best; NaN where there is none, as for much noise.

    Notes
    -----
    Bernstein & Jarvis (2002), AJ 123, 583, sect. 3; iteration of Hirata & Seljak (2003), MNRAS 343, 459, eq. 5.
    """
    return _iterated(light, good, dx, dy, fwhm**2 / (8.0 * math.log(2.0)))


@njit(cache=True)
def _iterated(light: Floats, good: NDArray[np.bool_], dx: Floats, dy: Floats, first: float) -> Floats:
    n, size, _ = light.shape
    moments = np.full((n, 3), np.nan)
    for i in range(n):
        xx, yy, xy = first, first, 0.0
        for _ in range(_ITERATIONS):
            determinant = xx * yy - xy**2
            total, sum_xx, sum_yy, sum_xy = 0.0, 0.0, 0.0, 0.0
            for j in range(size):
                v = j - size // 2 - dy[i]
                for k in range(size):
                    if good[i, j, k]:
                        u = k - size // 2 - dx[i]
                        squared = (yy * u**2 - 2.0 * xy * u * v + xx * v**2) / determinant
                        weighted = light[i, j, k] * math.exp(-0.5 * squared)
                        total += weighted
                        sum_xx += weighted * u**2
                        sum_yy += weighted * v**2
                        sum_xy += weighted * u * v
            if not total > 0.0:
                break
            # A Gaussian under a weight of its own moments has half of them.
            new_xx, new_yy, new_xy = 2.0 * sum_xx / total, 2.0 * sum_yy / total, 2.0 * sum_xy / total
            trace = new_xx + new_yy
            if (
                not new_xx * new_yy - new_xy**2 > (first / _LARGEST_RATIO) ** 2
                or trace > 2.0 * _LARGEST_RATIO * first
            ):
                break
            change = max(abs(new_xx - xx), abs(new_yy - yy), abs(new_xy - xy))
            xx, yy, xy = new_xx, new_yy, new_xy
            if change < _CONVERGED * first:
                moments[i, 0], moments[i, 1], moments[i, 2] = xx, yy, xy
                break
    return moments

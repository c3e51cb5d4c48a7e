"""From filtered images to score, flux and flux error, in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

from seechange_core.frames import Pixels

_TINY = np.float32(np.finfo(np.float32).tiny)


@njit(cache=True, error_model="numpy")
def write_score(
    matched: Pixels,
    light: Pixels,
    variance: Pixels,
    terms: Pixels,
    border: int,
    response: np.float32,
    score: Pixels,
    flux_error: Pixels,
) -> None:
    """Add what is uncertain about the reference's light to the variance, and divide.

    Parameters
    ----------
    matched, light, variance : array of shape (ny, nx)
        Of a tile: the matched difference, the matched light of the reference, and the variance of the former.
    terms : array of shape (4,)
        Misregistration along x and y (pixel), error of the width (pixel^2), relative error.
    border : int
        Pixels of the tile around what is written, at least 1.
    response : float
        Matched difference of a source of 1 electron.
    score, flux_error : array
        To be filled: views of the inner part of the tile.

    Notes
    -----
    See `imaging.filtered_difference.filtered_difference`.
    """
    ny, nx = score.shape
    half = np.float32(0.5)
    along_x, along_y = half * terms[0], half * terms[1]
    width, relative = half * terms[2], terms[3]
    inverse = np.float32(1.0) / response
    for y in range(ny):
        row = light[y + border]
        above, below = light[y + border - 1], light[y + border + 1]
        for x in range(nx):
            i = x + border
            slope_x = along_x * (row[i + 1] - row[i - 1])
            slope_y = along_y * (below[i] - above[i])
            curvature = width * (row[i - 1] + row[i + 1] + above[i] + below[i] - np.float32(4.0) * row[i])
            part = relative * row[i]
            total = variance[y + border, i] + slope_x * slope_x + slope_y * slope_y
            total += curvature * curvature + part * part
            error = np.sqrt(max(total, _TINY))
            score[y, x] = matched[y + border, i] / error
            flux_error[y, x] = error * inverse

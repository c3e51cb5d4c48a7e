"""Whether light moved between two images, rather than became brighter or fainter."""

from __future__ import annotations

import numpy as np
from numba import njit

from seechange_core.frames import Floats, Pixels

_TINY = np.float32(np.finfo(np.float32).tiny)


def slope_covariance(response: Pixels) -> Floats:
    """Return the covariance of the two slopes of a matched difference on empty sky, divided by its own variance.

    Parameters
    ----------
    response : array
        Matched difference of a source at pixel (0, 0), around which it wraps: it is the autocorrelation of the noise.

    Returns
    -------
    array of shape (2, 2)
        Of half the difference of the two neighbours along x, and along y.
    """
    r = response.astype(np.float64) / response[0, 0]
    xx, yy = 0.5 * (r[0, 0] - r[0, 2]), 0.5 * (r[0, 0] - r[2, 0])
    xy = 0.5 * (r[1, -1] - r[1, 1])
    return np.array([[xx, xy], [xy, yy]])


@njit(cache=True, error_model="numpy")
def write_translation_score(
    matched: Pixels,
    light: Pixels,
    variance: Pixels,
    terms: Pixels,
    border: int,
    covariance: Floats,
    score: Pixels,
) -> None:
    """Compute the significance of motion at each pixel of a tile.

    Parameters
    ----------
    matched, light, variance : array of shape (ny, nx)
        As for `score_noise.write_score`.
    terms : array of shape (4,)
        Misregistration along x and y (pixel), error of the width (not used), relative error.
    border : int
        Pixels of the tile around what is written, at least 2.
    covariance : array of shape (2, 2)
        By `slope_covariance`.
    score : array
        To be filled: a view of the inner part.

    Notes
    -----
    A star of flux f that moves by a small d adds ``-f d`` times the slope of the PSF to the difference. The best
    estimate of that vector from a difference with white noise is the slope g of the matched difference, and ``g^T C^-1
    g``, with the covariance C of g, is chi-square with two degrees of freedom where nothing moved; f need not be known.
    Springer et al. (2024), AJ 167, 281. Written is its square root. As in the score, the noise of source light enters
    C, and the misregistration with the second derivatives of the reference's light.
    """
    ny, nx = score.shape
    half, quarter = np.float32(0.5), np.float32(0.25)
    x_error2, y_error2, relative2 = terms[0] * terms[0], terms[1] * terms[1], terms[3] * terms[3]
    c_xx, c_xy, c_yy = (
        np.float32(covariance[0, 0]),
        np.float32(covariance[0, 1]),
        np.float32(covariance[1, 1]),
    )
    for y in range(ny):
        j = y + border
        row, above, below = light[j], light[j - 1], light[j + 1]
        for x in range(nx):
            i = x + border
            g_x = half * (matched[j, i + 1] - matched[j, i - 1])
            g_y = half * (matched[j + 1, i] - matched[j - 1, i])
            l_x, l_y = half * (row[i + 1] - row[i - 1]), half * (below[i] - above[i])
            l_xx = quarter * (row[i + 2] + row[i - 2] - row[i] - row[i])
            l_yy = quarter * (light[j + 2, i] + light[j - 2, i] - row[i] - row[i])
            l_xy = quarter * (below[i + 1] - below[i - 1] - above[i + 1] + above[i - 1])
            xx = (
                variance[j, i] * c_xx
                + x_error2 * l_xx * l_xx
                + y_error2 * l_xy * l_xy
                + relative2 * l_x * l_x
            )
            yy = (
                variance[j, i] * c_yy
                + x_error2 * l_xy * l_xy
                + y_error2 * l_yy * l_yy
                + relative2 * l_y * l_y
            )
            xy = (
                variance[j, i] * c_xy
                + x_error2 * l_xx * l_xy
                + y_error2 * l_xy * l_yy
                + relative2 * l_x * l_y
            )
            chi2 = (yy * g_x * g_x - np.float32(2.0) * xy * g_x * g_y + xx * g_y * g_y) / max(
                xx * yy - xy * xy, _TINY
            )
            score[y, x] = np.sqrt(max(chi2, np.float32(0.0)))

"""Position, light and shape of sources from the pixels that belong to each."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels


@njit(cache=True)
def peak_positions(
    height: Pixels,
    full: NDArray[np.bool_],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    owner: NDArray[np.int32],
    peak: NDArray[np.int32],
) -> Floats:
    """Return x, y of each peak: the centroid of the nine pixels around it, or of all saturated ones.

    Parameters
    ----------
    height, full, rows, columns, owner : array of shape (n,)
        Of each pixel: its height, whether it is saturated, where it is, and the number of its source.
    peak : array of shape (number of sources,)
        Which pixel is the highest of each source.

    Returns
    -------
    array of shape (number of sources, 2)
    """
    sums = np.zeros((len(peak), 3))
    for pixel in range(len(rows)):
        top = peak[owner[pixel]]
        near = abs(columns[pixel] - columns[top]) <= 1 and abs(rows[pixel] - rows[top]) <= 1
        if (full[top] and full[pixel]) or (near and not full[top]):
            weight = np.float64(height[pixel]) ** 2
            sums[owner[pixel], 0] += weight * columns[pixel]
            sums[owner[pixel], 1] += weight * rows[pixel]
            sums[owner[pixel], 2] += weight
    return sums[:, :2] / sums[:, 2:]


@njit(cache=True)
def light_sums(
    light: Pixels,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    owner: NDArray[np.int32],
    peak: NDArray[np.int32],
) -> Floats:
    """Return the sums of light times 1, u, v, u^2, v^2 and u v, where u and v count from the peak.

    Parameters
    ----------
    light, rows, columns, owner : array of shape (n,)
        Of each pixel.
    peak : array of shape (number of sources,)
        As in `peak_positions`.

    Returns
    -------
    array of shape (number of sources, 6)
    """
    sums = np.zeros((len(peak), 6))
    for pixel in range(len(rows)):
        value, top = np.float64(light[pixel]), peak[owner[pixel]]
        u, v = columns[pixel] - columns[top], rows[pixel] - rows[top]
        source = sums[owner[pixel]]
        source[0] += value
        source[1] += value * u
        source[2] += value * v
        source[3] += value * u * u
        source[4] += value * v * v
        source[5] += value * u * v
    return sums


def principal_axes(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the root mean squares along the axes (pixel) and the angle of the major one (radian).

    Parameters
    ----------
    sums : array of shape (n, 6)
        As `light_sums` returns them. The width of a single pixel is added.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v, uu, vv, uv = sums[:, 1:].T / sums[:, 0]
    xx, yy, xy = uu - u * u, vv - v * v, uv - u * v
    pixel = 1.0 / 12.0
    mean, difference = 0.5 * (xx + yy), np.hypot(0.5 * (xx - yy), xy)
    a, b = (np.sqrt((variance + pixel).clip(pixel)) for variance in (mean + difference, mean - difference))
    return a, b, 0.5 * np.arctan2(2.0 * xy, xx - yy)

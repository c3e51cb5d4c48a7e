"""Mean and scatter in the cells of a coarse mesh."""

from __future__ import annotations

import warnings

import numpy as np
from numba import njit
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seechange_core.frames import Pixels
from seechange_core.imaging.robust import scatter

_CLIP_SIGMA = 3.0
# Standard deviation of a Gaussian of which all beyond 3 sigma is cut off.
_CLIPPED_SCATTER = 0.98658
_ITERATIONS = 4
_LEAST_USABLE = 0.1
_OUTLIER_SIGMA = 4.0


def clipped_means(
    data: Pixels, mask: NDArray[np.bool_], first_level: Pixels, first_rms: np.float32, box: tuple[int, int]
) -> tuple[Pixels, Pixels]:
    """Return mean and standard deviation of the usable pixels of every cell, clipped at 3 sigma.

    Parameters
    ----------
    data, mask : array of shape (ny, nx)
        Pixels, and which of them not to use.
    first_level : array of shape (my, mx)
        First guess of the level of each cell.
    first_rms : float
        First guess of the scatter.
    box : tuple of int
        Rows and columns of a cell.

    Returns
    -------
    level, rms : array of shape (my, mx), float32
        NaN where less than a tenth of a cell is usable, unless no cell is better.
    """
    level, rms, usable = _clipped_means(data, mask, first_level, first_rms, box[0], box[1])
    poor = usable < min(_LEAST_USABLE, float(usable.max()))
    level[poor], rms[poor] = np.nan, np.nan
    return level.astype(np.float32), rms.astype(np.float32)


def without_outliers(mesh: Pixels, side: int) -> Pixels:
    """Replace cells that are NaN, or lie far off the median of those around, by that median.

    Parameters
    ----------
    mesh : array of shape (my, mx)
        At least one cell must not be NaN.
    side : int
        Of the square of cells that the median is taken over (odd).
    """
    filled = mesh.copy()
    reach = max(1, side // 2)
    while np.isnan(filled).any():
        around = np.pad(filled, reach, constant_values=np.nan)
        filled = np.where(np.isnan(filled), _medians(around, reach), filled)
    # Mirrored about its edge, a gradient goes on beyond it.
    medians = _medians(np.pad(filled, side // 2, mode="reflect", reflect_type="odd"), side // 2)
    deviation = filled - medians
    far = np.abs(deviation - np.median(deviation)) > _OUTLIER_SIGMA * scatter(deviation)
    return np.where(far, medians, filled).astype(np.float32)


def _medians(padded: Pixels, reach: int) -> Pixels:
    """Median of the cells within reach of each that are not NaN; NaN where all are."""
    side = 2 * reach + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(sliding_window_view(padded, (side, side)), axis=(2, 3))


@njit(cache=True, fastmath=True, forceinline=True)
def _row_sums(
    data: Pixels, mask: NDArray[np.bool_], low: np.float32, high: np.float32, middle: np.float32
) -> tuple[float, float, int]:
    """Sum offsets from the middle and their squares, and count; without branches and in any order, for speed."""
    total, squares, count = np.float32(0.0), np.float32(0.0), np.int32(0)
    for x in range(len(data)):
        inside = (not mask[x]) & (data[x] >= low) & (data[x] <= high)
        offset = data[x] - middle if inside else np.float32(0.0)
        total += offset
        squares += offset * offset
        count += np.int32(inside)
    return float(total), float(squares), int(count)


@njit(cache=True)
def _clipped_means(
    data: Pixels,
    mask: NDArray[np.bool_],
    first_level: Pixels,
    first_rms: np.float32,
    box_y: int,
    box_x: int,
) -> tuple[Pixels, Pixels, Pixels]:
    ny, nx = data.shape
    my, mx = (ny + box_y - 1) // box_y, (nx + box_x - 1) // box_x
    levels, scatters, usable = np.zeros((my, mx)), np.zeros((my, mx)), np.zeros((my, mx))
    for j in range(my):
        for i in range(mx):
            y0, y1 = j * box_y, min(ny, (j + 1) * box_y)
            x0, x1 = i * box_x, min(nx, (i + 1) * box_x)
            level = first_level[j, i]
            rms = first_rms
            count = 0
            for _ in range(_ITERATIONS):
                low, high = np.float32(level - _CLIP_SIGMA * rms), np.float32(level + _CLIP_SIGMA * rms)
                middle = np.float32(level)
                total = 0.0
                squares = 0.0
                count = 0
                for y in range(y0, y1):
                    row_total, row_squares, row_count = _row_sums(
                        data[y, x0:x1], mask[y, x0:x1], low, high, middle
                    )
                    total += row_total
                    squares += row_squares
                    count += row_count
                if count < 2:
                    break
                mean = total / count
                rms = np.float32(np.sqrt(max(squares / count - mean * mean, 0.0)) / _CLIPPED_SCATTER)
                level = np.float32(level + mean)
            levels[j, i] = level
            scatters[j, i] = rms
            usable[j, i] = count / ((y1 - y0) * (x1 - x0))
    return levels, scatters, usable

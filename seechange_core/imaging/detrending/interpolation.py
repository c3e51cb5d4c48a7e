"""Values for pixels that have none of their own."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Pixels


def interpolated(
    data: Pixels, wanted: NDArray[np.bool_], usable: NDArray[np.bool_], reach: int
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Interpolate pixels from the nearest usable ones.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
    wanted : bool array of the same shape
        Pixels to interpolate.
    usable : bool array of the same shape
        Pixels to interpolate from.
    reach : int
        How far away those may be (pixel).

    Returns
    -------
    data : array of shape (ny, nx), float32
        A copy.
    done : bool array of the same shape
        Which of the wanted pixels now have an interpolated value.

    Notes
    -----
    Linear along the row, the column, or both, each weighted by the inverse square of the gap, between the nearest
    usable pixels to both sides; a direction in which one of them is missing does not count.
    """
    result, done = data.copy(), np.zeros(data.shape, bool)
    y, x = np.nonzero(wanted)
    _interpolate(data, usable, y, x, reach, result, done)
    return result, done


@njit(cache=True)
def _interpolate(
    data: Pixels,
    usable: NDArray[np.bool_],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    reach: int,
    result: Pixels,
    done: NDArray[np.bool_],
) -> None:
    ny, nx = data.shape
    for place in range(len(rows)):
        y, x = rows[place], columns[place]
        total, weights = 0.0, 0.0
        for dy, dx in ((0, 1), (1, 0)):
            before, after = 0, 0
            for step in range(1, reach + 1):
                if (
                    before == 0
                    and y - step * dy >= 0
                    and x - step * dx >= 0
                    and usable[y - step * dy, x - step * dx]
                ):
                    before = step
                if (
                    after == 0
                    and y + step * dy < ny
                    and x + step * dx < nx
                    and usable[y + step * dy, x + step * dx]
                ):
                    after = step
            if before and after:
                gap = float(before + after)
                value = (
                    data[y - before * dy, x - before * dx] * after
                    + data[y + after * dy, x + after * dx] * before
                )
                total += value / gap / (gap * gap)
                weights += 1.0 / (gap * gap)
        if weights > 0:
            result[y, x] = total / weights
            done[y, x] = True

"""Charge that ran over from saturated pixels along their columns."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Pixels

#: A run of saturated pixels of a column belongs to a trail where it is so much longer than the saturated area is wide.
_SLENDERNESS = 3
#: The faint ends of a trail are told from what lies this far to either side (pixel).
_BESIDE = (4, 5, 6)
#: How far a trail stands out from the light of its star, relative to that.
_ABOVE_STAR = 0.5
_PATIENCE = 2


def find_bleed_trails(
    data: Pixels, saturated: NDArray[np.bool_], noise: float, *, least_length: int, threshold: float
) -> NDArray[np.bool_]:
    """Find pixels of bleed trails, which run along columns.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Pixels of any unit.
    saturated : bool array of the same shape
        Where charge may have come from.
    noise : float
        Scatter of a pixel of the sky, in the unit of the data.
    least_length : int
        Runs of fewer saturated pixels of a column leave no trail.
    threshold : float
        A pixel beyond the end of a run belongs to the trail while it exceeds those to its sides by so many times the
        noise, and by half of what the star has at the same distance from its centre along the row.

    Returns
    -------
    bool array of the same shape
        Saturated pixels of slender runs, and what is brighter than the sides beyond the ends of runs.
    """
    columns = np.nonzero(saturated.any(axis=0))[0]
    sky = np.float32(np.median(data[::16, ::16]))
    return _trails(data, saturated, columns, sky, np.float32(noise), least_length, np.float32(threshold))


@njit(cache=True)
def _trails(
    data: Pixels,
    saturated: NDArray[np.bool_],
    columns: NDArray[np.int64],
    sky: np.float32,
    noise: np.float32,
    least_length: int,
    threshold: np.float32,
) -> NDArray[np.bool_]:
    ny = data.shape[0]
    trail = np.zeros(data.shape, np.bool_)
    for x in columns:
        y = 0
        while y < ny:
            if not saturated[y, x]:
                y += 1
                continue
            end = y
            while end < ny and saturated[end, x]:
                end += 1
            if end - y >= least_length:
                widest, first, last, centre_x = 0, y, y, x
                for row in range(y, end):
                    left, right = _ends(saturated, row, x, end - y)
                    width = right - left + 1
                    trail[row, x] = _SLENDERNESS * width <= end - y
                    if width > widest:
                        widest, first, centre_x = width, row, (left + right) // 2
                    if width == widest:
                        last = row
                centre_y = (first + last) // 2
                for step, start in ((1, end), (-1, y - 1)):
                    _follow(data, saturated, trail, x, start, step, centre_y, centre_x, sky, noise, threshold)
            y = end
    return trail


@njit(cache=True)
def _ends(saturated: NDArray[np.bool_], y: int, x: int, most: int) -> tuple[int, int]:
    """Return first and last column of the saturated pixels around one; no more than `most` to either side."""
    nx = saturated.shape[1]
    left = x
    while left > 0 and x - left < most and saturated[y, left - 1]:
        left -= 1
    right = x
    while right < nx - 1 and right - x < most and saturated[y, right + 1]:
        right += 1
    return left, right


@njit(cache=True)
def _follow(
    data: Pixels,
    saturated: NDArray[np.bool_],
    trail: NDArray[np.bool_],
    x: int,
    start: int,
    step: int,
    centre_y: int,
    centre_x: int,
    sky: np.float32,
    noise: np.float32,
    threshold: np.float32,
) -> None:
    """Mark a trail from its saturated end on until nothing is left of it."""
    ny, nx = data.shape
    sides = np.empty(2 * len(_BESIDE), np.float32)
    y, missed = start, 0
    while 0 <= y < ny and missed < _PATIENCE and not saturated[y, x]:
        number = 0
        for distance in _BESIDE:
            for column in (x - distance, x + distance):
                if 0 <= column < nx:
                    sides[number] = data[y, column]
                    number += 1
        beside = np.median(sides[:number])
        star = np.float32(np.inf)
        radius = round(np.hypot(y - centre_y, x - centre_x))
        for column in (centre_x - radius, centre_x + radius):
            if 0 <= column < nx:
                star = min(star, data[centre_y, column])
        star = max(star, beside)
        if data[y, x] > star + threshold * noise + np.float32(_ABOVE_STAR) * max(star - sky, np.float32(0.0)):
            for row in range(y - step * missed, y + step, step):
                trail[row, x] = True
            missed = 0
        else:
            missed += 1
        y += step

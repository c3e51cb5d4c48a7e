"""Pixels that must not be used: values to stand in for them, and how far they reach."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Mask, MaskPlane, Pixels, unusable
from seechange_core.frames.mask import MASK_DTYPE


def fill_holes(image: Pixels, bad: NDArray[np.bool_], depth: int) -> None:
    """Replace bad pixels, in place, by the mean of their neighbours, from the rim of each hole inwards.

    Parameters
    ----------
    image : array of shape (ny, nx), float32
        What bad pixels hold is ignored.
    bad : bool array of shape (ny, nx)
        Pixels to replace.
    depth : int
        How many pixels deep holes are filled; what lies deeper stays.
    """
    y, x = _rim(bad)
    _fill_rims(image, bad.astype(np.uint8), y, x, depth)


def grown(bad: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Return which pixels lie within a radius (pixel) of a bad one.

    Only the rims of the bad areas are followed, so that large areas cost no more than their outline.
    """
    ny, nx = bad.shape
    reach = int(radius)
    result = bad.copy()
    y, x = _rim(bad)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if dy * dy + dx * dx <= radius * radius:
                yy, xx = y + dy, x + dx
                inside = (yy >= 0) & (yy < ny) & (xx >= 0) & (xx < nx)
                result[yy[inside], xx[inside]] = True
    return result


def planes_within(mask: Mask, x: Floats, y: Floats, radius: float) -> tuple[Mask, Floats]:
    """Return what the mask says around positions.

    Parameters
    ----------
    mask : array of shape (ny, nx)
        Bits of `MaskPlane`; what is off the image counts as ``NO_DATA``.
    x, y : array of shape (n,)
        Positions (pixel).
    radius : float
        Of the discs (pixel).

    Returns
    -------
    planes : array of shape (n,), uint16
        Of all pixels of each disc, combined.
    unusable_fraction : array of shape (n,)
        Pixels of each disc that are unusable, divided by all.
    """
    ny, nx = mask.shape
    reach = int(radius)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    in_disc = dx**2 + dy**2 <= radius**2
    column = np.floor(np.asarray(x) + 0.5).astype(np.intp)[:, None] + dx[in_disc]
    row = np.floor(np.asarray(y) + 0.5).astype(np.intp)[:, None] + dy[in_disc]
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    around = mask[np.clip(row, 0, ny - 1), np.clip(column, 0, nx - 1)]
    around = np.where(inside, around, MASK_DTYPE(MaskPlane.NO_DATA))
    return np.bitwise_or.reduce(around, axis=1), unusable(around).mean(axis=1)


@njit(cache=True)
def _fill_rims(
    image: Pixels, state: NDArray[np.uint8], y: NDArray[np.intp], x: NDArray[np.intp], depth: int
) -> None:
    """Fill the given rim of the holes, then the pixels behind it, and so on.

    ``state`` is 0 for known pixels, 1 for bad ones and 2 for those of a rim that is next.
    """
    ny, nx = image.shape
    n_bad = int(np.count_nonzero(state))
    for i in range(len(y)):
        state[y[i], x[i]] = 2
    for _ in range(depth):
        values = np.empty(len(y), np.float32)
        for i in range(len(y)):
            total, count = np.float32(0.0), np.float32(0.0)
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    j, k = y[i] + dy, x[i] + dx
                    if 0 <= j < ny and 0 <= k < nx and state[j, k] == 0:
                        total += image[j, k]
                        count += np.float32(1.0)
            values[i] = total / max(count, np.float32(1.0))
        for i in range(len(y)):
            image[y[i], x[i]] = values[i]
            state[y[i], x[i]] = 0
        n_bad -= len(y)
        most = min(n_bad, 8 * len(y))
        next_y, next_x = np.empty(most, np.intp), np.empty(most, np.intp)
        n = 0
        for i in range(len(y)):
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    j, k = y[i] + dy, x[i] + dx
                    if 0 <= j < ny and 0 <= k < nx and state[j, k] == 1:
                        state[j, k] = 2
                        next_y[n], next_x[n] = j, k
                        n += 1
        y, x = next_y[:n], next_x[:n]
        if n == 0:
            return


@njit(cache=True)
def _rim(bad: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the bad pixels that have at least one of their eight neighbours among the others."""
    ny, nx = bad.shape
    n = int(np.count_nonzero(bad))
    rows, columns = np.empty(n, np.intp), np.empty(n, np.intp)
    n = 0
    for y in range(ny):
        for x in range(nx):
            if bad[y, x] and not bad[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].all():
                rows[n], columns[n] = y, x
                n += 1
    return rows[:n], columns[:n]

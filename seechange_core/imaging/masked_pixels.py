"""Pixels that must not be used: values to stand in for them, and how far they reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, Mask, MaskPlane, Pixels, unusable
from seechange_core.frames.mask import MASK_DTYPE

_NEIGHBOURS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))

Indices = tuple[NDArray[np.intp], NDArray[np.intp]]


def filled_from_neighbours(image: Pixels, bad: NDArray[np.bool_], depth: int) -> Pixels:
    """Replace bad pixels by the mean of their neighbours, from the rim of each hole inwards.

    Parameters
    ----------
    image : array of shape (ny, nx)
        What bad pixels hold is ignored, NaN included.
    bad : bool array of shape (ny, nx)
        Pixels to replace.
    depth : int
        How many pixels deep holes are filled; what lies deeper becomes 0.

    Returns
    -------
    array of shape (ny, nx), float32
        A copy.
    """
    filled = np.where(bad, np.float32(0), image).astype(np.float32, copy=False)
    known = np.pad(~bad, 1)
    values = np.pad(filled, 1)
    for rim in _rims(bad, depth):
        y, x = rim[0] + 1, rim[1] + 1
        total = np.zeros(len(y), np.float32)
        count = np.zeros(len(y), np.float32)
        for dy, dx in _NEIGHBOURS:
            is_known = known[y + dy, x + dx]
            total += np.where(is_known, values[y + dy, x + dx], 0)
            count += is_known
        values[y, x] = total / np.maximum(count, 1)
        known[y, x] = True
    return np.ascontiguousarray(values[1:-1, 1:-1])


def grown(bad: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Return which pixels lie within a radius (pixel) of a bad one.

    Only the rims of the bad areas are followed, so that large areas cost no more than their outline.
    """
    ny, nx = bad.shape
    reach = int(radius)
    result = bad.copy()
    y, x = np.nonzero(bad & _beside(~bad))
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


def _rims(bad: NDArray[np.bool_], depth: int) -> Iterator[Indices]:
    """Yield the bad pixels that touch good ones, then those that touch the first, and so on."""
    ny, nx = bad.shape
    waiting = bad.copy()
    y, x = np.nonzero(bad & _beside(~bad))
    for _ in range(depth):
        if not len(y):
            return
        yield y, x
        waiting[y, x] = False
        around = []
        for dy, dx in _NEIGHBOURS:
            yy, xx = np.clip(y + dy, 0, ny - 1), np.clip(x + dx, 0, nx - 1)
            next_one = waiting[yy, xx]
            around.append(yy[next_one] * nx + xx[next_one])
        y, x = np.divmod(np.unique(np.concatenate(around)), nx)


def _beside(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pixels have at least one of their eight neighbours in an area."""
    columns = area.copy()
    columns[:, 1:] |= area[:, :-1]
    columns[:, :-1] |= area[:, 1:]
    result = columns.copy()
    result[1:] |= columns[:-1]
    result[:-1] |= columns[1:]
    return result

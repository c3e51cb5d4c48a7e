"""Saturated stars of an image, from its mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from seechange_core.frames import Floats, Mask, MaskPlane

#: Saturated pixels of one star lie in neighbouring blocks of this side (pixel).
_BLOCK = 4
#: Rows that are looked at together, few enough to stay in the processor's memory.
_ROWS = 64


@dataclass(frozen=True)
class SaturatedStars:
    """Groups of saturated pixels.

    Parameters
    ----------
    x, y : array of shape (n,)
        Centres (pixel): means of their pixels.
    n_pixels : array of shape (n,)
        How many pixels are saturated.
    pixels : array of shape (m, 2)
        x and y of all saturated pixels.
    star : array of shape (m,)
        Which star each belongs to.
    """

    x: Floats
    y: Floats
    n_pixels: NDArray[np.intp]
    pixels: NDArray[np.intp]
    star: NDArray[np.intp]

    @property
    def radii(self) -> Floats:
        """Distances from the centres to the farthest of their pixels, shape (n,)."""
        away = np.hypot(self.pixels[:, 0] - self.x[self.star], self.pixels[:, 1] - self.y[self.star])
        radii = np.zeros(len(self.x))
        np.maximum.at(radii, self.star, away)
        return radii

    def nearest(self, x: Floats, y: Floats, *, within: float = np.inf) -> tuple[Floats, NDArray[np.intp]]:
        """Return the distances (pixel) to the nearest saturated pixel, and whose it is; NaN and -1 without any."""
        distance, star = np.full(len(x), np.nan), np.full(len(x), -1, np.intp)
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if len(known) and len(self.pixels):
            places = np.stack([x[known], y[known]], axis=-1)
            found, pixel = map(np.asarray, self._tree.query(places, distance_upper_bound=within))
            near = np.isfinite(found)
            distance[known[near]], star[known[near]] = found[near], self.star[pixel[near]]
        return distance, star

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.pixels)


def saturated_stars(*masks: Mask) -> SaturatedStars:
    """Group the pixels that are saturated in any of some masks on the same grid."""
    shape = masks[0].shape
    row, column = np.divmod(_saturated_pixels(masks), shape[1])
    blocks = np.zeros([side // _BLOCK + 1 for side in shape], bool)
    blocks[row // _BLOCK, column // _BLOCK] = True
    labels, number = ndimage.label(blocks, np.ones((3, 3)))
    star = labels[row // _BLOCK, column // _BLOCK].astype(np.intp) - 1
    n_pixels = np.bincount(star, minlength=number)
    x, y = (np.bincount(star, axis, minlength=number) / n_pixels for axis in (column, row))
    return SaturatedStars(x, y, n_pixels, np.stack([column, row], axis=-1), star)


def _saturated_pixels(masks: Sequence[Mask]) -> NDArray[np.intp]:
    """Return the numbers of the pixels that are saturated in any of some masks, row by row."""
    ny, nx = masks[0].shape
    plane = masks[0].dtype.type(MaskPlane.SATURATED)
    found = [np.empty(0, np.intp)]
    for start in range(0, ny, _ROWS):
        combined = masks[0][start : start + _ROWS]
        for mask in masks[1:]:
            combined = combined | mask[start : start + _ROWS]
        found.append(np.flatnonzero((combined & plane) != 0) + start * nx)
    return np.concatenate(found)

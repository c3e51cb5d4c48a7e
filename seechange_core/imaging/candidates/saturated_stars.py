"""Saturated stars of an image, from its mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from seechange_core.frames import Floats, Mask, MaskPlane

#: Saturated pixels of one star lie in neighbouring blocks of this side (pixel).
_BLOCK = 4


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

    def nearest(self, x: Floats, y: Floats) -> tuple[Floats, NDArray[np.intp]]:
        """Return the distances (pixel) to the nearest saturated pixel, and whose it is; NaN and -1 without any."""
        distance, star = np.full(len(x), np.nan), np.full(len(x), -1, np.intp)
        known = np.isfinite(x) & np.isfinite(y)
        if known.any() and len(self.pixels):
            distance[known], pixel = cKDTree(self.pixels).query(np.stack([x[known], y[known]], axis=-1))
            star[known] = self.star[pixel]
        return distance, star


def saturated_stars(*masks: Mask) -> SaturatedStars:
    """Group the pixels that are saturated in any of some masks on the same grid."""
    combined = np.bitwise_or.reduce(masks) if len(masks) > 1 else masks[0]
    row, column = np.divmod(
        np.flatnonzero(combined & combined.dtype.type(MaskPlane.SATURATED)), combined.shape[1]
    )
    blocks = np.zeros([side // _BLOCK + 1 for side in combined.shape], bool)
    blocks[row // _BLOCK, column // _BLOCK] = True
    labels, number = ndimage.label(blocks, np.ones((3, 3)))
    star = labels[row // _BLOCK, column // _BLOCK].astype(np.intp) - 1
    n_pixels = np.bincount(star, minlength=number)
    x, y = (np.bincount(star, axis, minlength=number) / n_pixels for axis in (column, row))
    return SaturatedStars(x, y, n_pixels, np.stack([column, row], axis=-1), star)

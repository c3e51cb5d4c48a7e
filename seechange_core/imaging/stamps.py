"""Cutting squares out of images, many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seechange_core.frames import MaskPlane, Pixels, Stamps
from seechange_core.frames.arrays import Mask


def stamp_corners(x: ArrayLike, y: ArrayLike, size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the first pixels of squares whose middle pixels hold the positions.

    Parameters
    ----------
    x, y : array of shape (n,)
        Positions (pixel).
    size : int
        Side of the squares (odd, pixel).

    Raises
    ------
    ValueError
        If the size is not odd and positive.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"the side of a stamp must be odd and positive, it is {size}")
    corners = [np.floor(np.asarray(position, np.float64) + 0.5) - size // 2 for position in (x, y)]
    return corners[0].astype(np.int32), corners[1].astype(np.int32)


def cut(
    image: NDArray[Any], corner_x: NDArray[np.int32], corner_y: NDArray[np.int32], size: int, fill: float
) -> NDArray[Any]:
    """Copy squares out of an image.

    Parameters
    ----------
    image : array of shape (ny, nx)
        Pixels or mask.
    corner_x, corner_y : int array of shape (n,)
        First pixels of the squares; these may lie off the image.
    size : int
        Side of the squares (pixel).
    fill : float
        Value off the image.

    Returns
    -------
    array of shape (n, size, size), of the type of the image
    """
    ny, nx = image.shape
    rows = corner_y[:, None] + np.arange(size)
    columns = corner_x[:, None] + np.arange(size)
    stamps = image[rows.clip(0, ny - 1)[:, :, None], columns.clip(0, nx - 1)[:, None, :]]
    off_rows, off_columns = (rows < 0) | (rows >= ny), (columns < 0) | (columns >= nx)
    stamps[off_rows[:, :, None] | off_columns[:, None, :]] = fill
    return stamps


def cut_triplets(
    x: ArrayLike,
    y: ArrayLike,
    size: int,
    new: Pixels,
    ref: Pixels,
    difference: Pixels,
    mask: Mask,
    score: Pixels | None = None,
) -> Stamps:
    """Cut new image, reference and difference at the same positions, and the score where it is given.

    Parameters
    ----------
    x, y : array of shape (n,)
        Positions (pixel).
    size : int
        Side of the stamps (odd, pixel).
    new, ref, difference : array of shape (ny, nx)
        Electrons of the new exposure, without sky.
    mask : array of shape (ny, nx)
        Of the difference.
    score : array of shape (ny, nx), optional
        Of the difference (sigma).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    corner_x, corner_y = stamp_corners(x, y, size)
    planes = [cut(plane, corner_x, corner_y, size, np.nan) for plane in (new, ref, difference)]
    stamp_mask = cut(mask, corner_x, corner_y, size, MaskPlane.NO_DATA)
    stamp_score = None if score is None else cut(score, corner_x, corner_y, size, np.nan)
    return Stamps(x, y, corner_x, corner_y, planes[0], planes[1], planes[2], stamp_mask, stamp_score)

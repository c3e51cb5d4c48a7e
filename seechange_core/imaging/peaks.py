"""Peaks of an image, one for each source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from seechange_core.frames import Floats, Pixels

_NEIGHBOURS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))


@dataclass(frozen=True)
class Peaks:
    """Peaks in the order of their rows and columns.

    Parameters
    ----------
    x, y : array of shape (n,)
        Refined positions (pixel).
    value : array of shape (n,)
        Of the highest pixel; negative for a peak downwards.
    n_pixels : array of shape (n,)
        Pixels of the same sign beyond the threshold that are nearer to this peak than to another.
    """

    x: Floats
    y: Floats
    value: Floats
    n_pixels: NDArray[np.intp]


def find_peaks(image: Pixels, threshold: float, separation: float) -> Peaks:
    """Find the peaks of both signs.

    A peak gives way to a higher one of its own sign within the separation, never to one of the other sign: whether the
    two are one misaligned star, or two sources of which one fades, is decided by measuring both.

    Parameters
    ----------
    image : array of shape (ny, nx)
        NaN where nothing was measured.
    threshold : float
        Least absolute value, in the image's unit.
    separation : float
        Least distance of two peaks of one sign (pixel).
    """
    found = [_one_sign(sign * image, threshold, separation, sign) for sign in (1, -1)]
    x, y, value, n_pixels = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.lexsort((x, y))
    return Peaks(x[order], y[order], value[order], n_pixels[order])


def local_maxima(image: Pixels, threshold: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of pixels above a threshold that no neighbour exceeds; the first of equal ones counts."""
    with np.errstate(invalid="ignore"):
        y, x = np.nonzero(image > threshold)
    padded = _padded(image)
    value = image[y, x]
    highest = np.ones(len(y), bool)
    for dy, dx in _NEIGHBOURS:
        neighbour = padded[y + 1 + dy, x + 1 + dx]
        later = (dy, dx) > (0, 0)
        highest &= (value >= neighbour) if later else (value > neighbour)
    return y[highest], x[highest]


def _one_sign(
    image: Pixels, threshold: float, separation: float, sign: int
) -> tuple[Floats, Floats, Floats, NDArray[np.intp]]:
    y, x = local_maxima(image, threshold)
    keep = _highest_within(x, y, image[y, x], separation)
    y, x = y[keep], x[keep]
    if not len(y):
        return np.empty(0), np.empty(0), np.empty(0), np.empty(0, np.intp)
    with np.errstate(invalid="ignore"):
        all_y, all_x = np.nonzero(image > threshold)
    nearest = KDTree(np.stack([x, y], axis=1)).query(np.stack([all_x, all_y], axis=1))[1]
    dx, dy = _offsets(image, y, x)
    return x + dx, y + dy, sign * image[y, x].astype(np.float64), np.bincount(nearest, minlength=len(x))


def _highest_within(
    x: NDArray[np.intp], y: NDArray[np.intp], value: Pixels, separation: float
) -> NDArray[np.bool_]:
    """Return which points have no kept, higher point within the separation."""
    keep = np.ones(len(x), bool)
    if len(x) < 2:
        return keep
    tree = KDTree(np.stack([x, y], axis=1))
    for number in np.lexsort((x, y, -value)).tolist():
        if keep[number]:
            near = tree.query_ball_point((x[number], y[number]), separation)
            keep[[other for other in near if other != number]] = False
    return keep


def _offsets(image: Pixels, y: NDArray[np.intp], x: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return how far along x and y each maximum is from its pixel's centre, by a paraboloid through 3 x 3 pixels."""
    padded = _padded(image)
    dy, dx = (grid.ravel() for grid in np.meshgrid((-1, 0, 1), (-1, 0, 1), indexing="ij"))
    around = padded[y[:, None] + 1 + dy, x[:, None] + 1 + dx].astype(np.float64)
    around = np.where(np.isfinite(around), around, around[:, 4:5])
    terms = np.stack([np.ones(9), dx, dy, dx**2, dx * dy, dy**2], axis=1)
    _, slope_x, slope_y, xx, xy, yy = np.linalg.pinv(terms) @ around.T
    determinant = 4 * xx * yy - xy**2
    curved = (determinant > 0) & (xx < 0)
    determinant = np.where(curved, determinant, 1.0)
    offset_x = np.where(curved, (xy * slope_y - 2 * yy * slope_x) / determinant, 0.0)
    offset_y = np.where(curved, (xy * slope_x - 2 * xx * slope_y) / determinant, 0.0)
    return np.clip(offset_x, -0.5, 0.5), np.clip(offset_y, -0.5, 0.5)


def _padded(image: Pixels) -> Pixels:
    """Return the image with a rim, and everything that was not measured, lower than any value."""
    padded = np.full((image.shape[0] + 2, image.shape[1] + 2), -np.inf, np.float32)
    padded[1:-1, 1:-1] = np.where(np.isnan(image), -np.inf, image)
    return padded

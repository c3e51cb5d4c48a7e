"""Peaks of an image, one for each source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels

_AROUND = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))


_LEAST_FLOOR = 0.4


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
        Pixels of the same sign beyond the threshold that belong to it.
    footprint : array of shape (n,)
        Number of the connected area that it lies in, from 0: blended neighbours share one.
    """

    x: Floats
    y: Floats
    value: Floats
    n_pixels: NDArray[np.intp]
    footprint: NDArray[np.intp]


def find_peaks(
    image: Pixels, threshold: float, *, min_rise: float = 3.0, min_contrast: float = 0.02
) -> Peaks:
    """Find the peaks of both signs, and part those of neighbouring sources.

    Within an area of one sign, a peak that does not rise enough above the saddle to a higher one belongs to it. A peak
    never gives way to one of the other sign: whether the two are one misaligned star, or two sources of which one
    fades, is decided by measuring both.

    Parameters
    ----------
    image : array of shape (ny, nx)
        NaN where nothing was measured.
    threshold : float
        Least absolute value, in the image's unit.
    min_rise : float
        Of a peak above the saddle to a higher one, in the image's unit. Saddles are followed down to the threshold less
        this, or to 0.4 of it: noise connects what is lower.
    min_contrast : float
        Height of a peak relative to that of a higher one beside it.

    Notes
    -----
    Pixels are added from high to low to the peak that they touch; where two meet is their saddle (watershed by
    flooding: Vincent & Soille 1991, IEEE Trans. Pattern Anal. Mach. Intell. 13, 583).
    """
    with np.errstate(invalid="ignore"):
        seeds = np.flatnonzero(np.abs(image) > threshold)
    pixels = _grown_areas(image, seeds, np.float32(max(threshold - min_rise, _LEAST_FLOOR * threshold)))
    order = pixels[np.argsort(-np.abs(image.ravel()[pixels]), kind="stable")]
    peak, area = _flooded(image, order, np.float32(min_rise), np.float32(min_contrast))
    value = image.ravel()[order]
    beyond = np.abs(value) > threshold
    is_peak = (peak == np.arange(len(order))) & beyond
    n_pixels = np.bincount(peak[beyond], minlength=len(order))[is_peak]
    y, x = np.divmod(order[is_peak], image.shape[1])
    footprint = np.unique(area[is_peak], return_inverse=True)[1]
    sort = np.lexsort((x, y))
    y, x = y[sort], x[sort]
    dx, dy = _offsets(image, y, x)
    return Peaks(x + dx, y + dy, value[is_peak][sort].astype(np.float64), n_pixels[sort], footprint[sort])


@njit(cache=True)
def _grown_areas(image: Pixels, seeds: NDArray[np.intp], floor: np.float32) -> NDArray[np.intp]:
    """Return the flat indices of seeds, and of the pixels beyond the floor that they connect to."""
    ny, nx = image.shape
    seen = np.zeros((ny, nx), np.bool_)
    n = len(seeds)
    found = np.empty(2 * n + 1024, np.intp)
    for i in range(n):
        found[i] = seeds[i]
        seen[seeds[i] // nx, seeds[i] % nx] = True
    done = 0
    while done < n:
        row, column = found[done] // nx, found[done] % nx
        sign = np.sign(image[row, column])
        for y in range(max(row - 1, 0), min(row + 2, ny)):
            for x in range(max(column - 1, 0), min(column + 2, nx)):
                if not seen[y, x] and sign * image[y, x] > floor:
                    seen[y, x] = True
                    if n == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[n] = y * nx + x
                    n += 1
        done += 1
    return found[:n]


@njit(cache=True)
def _flooded(
    image: Pixels, order: NDArray[np.intp], min_rise: np.float32, min_contrast: np.float32
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the peak and the connected area of each pixel, both by the place in the order of their first pixel."""
    ny, nx = image.shape
    n = len(order)
    place = np.zeros((ny, nx), np.int32)
    peak, area = np.arange(n), np.arange(n)
    for i in range(n):
        row, column = order[i] // nx, order[i] % nx
        value = image[row, column]
        sign = np.sign(value)
        highest = n
        for y in range(max(row - 1, 0), min(row + 2, ny)):
            for x in range(max(column - 1, 0), min(column + 2, nx)):
                neighbour = place[y, x] - 1
                if neighbour < 0 or sign * image[y, x] < 0:
                    continue
                area[_root(area, i)] = _root(area, neighbour)
                if highest < n:
                    one, other = _root(peak, highest), _root(peak, neighbour)
                    low, high = max(one, other), min(one, other)
                    top, above = abs(image.flat[order[low]]), abs(image.flat[order[high]])
                    if top - abs(value) < min_rise or top < min_contrast * above:
                        peak[low] = high
                highest = min(highest, neighbour)
        if highest < n:
            peak[i] = _root(peak, highest)
        place[row, column] = i + 1
    for i in range(n):
        peak[i], area[i] = _root(peak, i), _root(area, i)
    return peak, area


@njit(cache=True)
def _root(parent: NDArray[np.intp], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def local_maxima(image: Pixels, threshold: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of pixels above a threshold that no neighbour exceeds; the first of equal ones counts."""
    with np.errstate(invalid="ignore"):
        y, x = np.nonzero(image > threshold)
    around = _around(image, y, x)
    value = image[y, x]
    highest = np.ones(len(y), bool)
    for neighbour, (dy, dx) in zip(around, _AROUND, strict=True):
        if (dy, dx) != (0, 0):
            later = (dy, dx) > (0, 0)
            highest &= (value >= neighbour) if later else (value > neighbour)
    return y[highest], x[highest]


def _offsets(image: Pixels, y: NDArray[np.intp], x: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return how far along x and y each peak is from its pixel's centre, by a paraboloid through 3 x 3 pixels."""
    around = np.sign(image[y, x]) * _around(image, y, x).astype(np.float64)
    around = np.where(np.isfinite(around), around, around[4])
    dy, dx = np.array(_AROUND).T
    terms = np.stack([np.ones(9), dx, dy, dx**2, dx * dy, dy**2], axis=1)
    _, slope_x, slope_y, xx, xy, yy = np.linalg.pinv(terms) @ around
    determinant = 4 * xx * yy - xy**2
    curved = (determinant > 0) & (xx < 0)
    determinant = np.where(curved, determinant, 1.0)
    offset_x = np.where(curved, (xy * slope_y - 2 * yy * slope_x) / determinant, 0.0)
    offset_y = np.where(curved, (xy * slope_x - 2 * xx * slope_y) / determinant, 0.0)
    return np.clip(offset_x, -0.5, 0.5), np.clip(offset_y, -0.5, 0.5)


def _around(image: Pixels, y: NDArray[np.intp], x: NDArray[np.intp]) -> Pixels:
    """Return 3 x 3 pixels around places, shape (9, n); minus infinity off the image and where nothing was measured."""
    ny, nx = image.shape
    rows, columns = (index[:, None] + np.array(_AROUND)[:, axis] for axis, index in enumerate((y, x)))
    inside = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
    values = np.where(inside, image[rows.clip(0, ny - 1), columns.clip(0, nx - 1)], -np.inf).T
    return np.where(np.isnan(values), np.float32(-np.inf), values)

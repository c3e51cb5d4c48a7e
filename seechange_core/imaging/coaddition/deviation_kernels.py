"""Compiled loops over many aligned images: the middle one, what lies beyond tolerances, smoothing."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

#: So many pixels of all images are sorted together: they fit into the cache.
_COLUMNS = 128
_FAST = {"contract", "reassoc", "nsz"}


def sorting_network(number: int) -> NDArray[np.int64]:
    """Return which of some values are compared, and exchanged if the first is larger, to sort them; shape (n, 2).

    Batcher (1968), AFIPS Spring Joint Computer Conference 32, 307: odd-even merging.
    """
    pairs = []
    span = 1
    while span < number:
        step = span
        while step >= 1:
            for first in range(step % span, number - step, 2 * step):
                for low in range(first, min(first + step, number - step)):
                    if low // (2 * span) == (low + step) // (2 * span):
                        pairs.append((low, low + step))
            step //= 2
        span *= 2
    return np.array(pairs, np.int64).reshape(-1, 2)


@numba.njit(cache=True, nogil=True)
def middle_image(data, usable, network, middle, number):  # type: ignore[no-untyped-def]
    """Write the lower median of the usable images at each pixel, and how many there are; of two images the fainter.

    Many pixels are sorted at once by a network of comparisons, which takes a tenth of the time of one by one.
    """
    n_images, ny, nx = data.shape
    values = np.empty((n_images, _COLUMNS), np.float32)
    for y in range(ny):
        for left in range(0, nx, _COLUMNS):
            width = min(_COLUMNS, nx - left)
            for image in range(n_images):
                for x in range(width):
                    used = usable[image, y, left + x]
                    values[image, x] = data[image, y, left + x] if used else np.float32(np.inf)
            for pair in range(len(network)):
                lower, upper = values[network[pair, 0]], values[network[pair, 1]]
                for x in range(_COLUMNS):
                    one, other = lower[x], upper[x]
                    lower[x] = min(one, other)
                    upper[x] = max(one, other)
            for x in range(width):
                count = 0
                for image in range(n_images):
                    count += usable[image, y, left + x]
                number[y, left + x] = count
                value = values[max(count - 1, 0) // 2, x]
                if count == 0:
                    value = np.float32(0.0)
                elif count == 2 and abs(values[1, x]) <= abs(value):
                    # The fainter is the one that no cosmic ray hit, and no negative lobe of a resampled one.
                    value = values[1, x]
                middle[y, left + x] = value


@numba.njit(cache=True, nogil=True)
def levels_beyond(data, variance, usable, number, above, below, light, excess, clip_sigma):  # type: ignore[no-untyped-def]
    """Return 2 where a pixel lies beyond what is tolerated by the limit, 1 where by half of it, 0 elsewhere."""
    n_images, ny, nx = data.shape
    levels = np.zeros((n_images, ny, nx), np.uint8)
    high = np.float32(clip_sigma**2)
    low = np.float32(0.25) * high
    zero = np.float32(0.0)
    for image in range(n_images):
        factor = np.float32(excess[image])
        for y in range(ny):
            for x in range(nx):
                value = data[image, y, x]
                beyond = max(value - above[y, x] - factor * light[y, x], below[y, x] - value, zero)
                square, noise = beyond * beyond, max(variance[image, y, x], np.float32(1e-30))
                if usable[image, y, x] and number[y, x] > 1 and square > low * noise:
                    levels[image, y, x] = 2 if square > high * noise else 1
    return levels


@numba.njit(cache=True, nogil=True)
def near_highest(levels, reach):  # type: ignore[no-untyped-def]
    """Return where the level is 2, and where it is 1 within a reach along both axes of a pixel of level 2."""
    n_images, ny, nx = levels.shape
    found = np.zeros((n_images, ny, nx), np.bool_)
    for image in range(n_images):
        for y in range(ny):
            for x in range(nx):
                if levels[image, y, x] == 2:
                    for j in range(max(y - reach, 0), min(y + reach + 1, ny)):
                        for i in range(max(x - reach, 0), min(x + reach + 1, nx)):
                            if levels[image, j, i]:
                                found[image, j, i] = True
    return found


@numba.njit(cache=True, nogil=True)
def spread(found, reach):  # type: ignore[no-untyped-def]
    """Return which pixels lie within a reach along both axes of a found one."""
    n_images, ny, nx = found.shape
    result = np.zeros((n_images, ny, nx), np.bool_)
    for image in range(n_images):
        for y in range(ny):
            for x in range(nx):
                if found[image, y, x]:
                    result[
                        image,
                        max(y - reach, 0) : min(y + reach + 1, ny),
                        max(x - reach, 0) : min(x + reach + 1, nx),
                    ] = True
    return result


@numba.njit(cache=True, nogil=True, fastmath=_FAST)
def smooth(images, taps, smoothed):  # type: ignore[no-untyped-def]
    """Write images convolved along both axes with taps; beyond the edges there is nothing."""
    n_images, ny, nx = images.shape
    half = len(taps) // 2
    row = np.zeros(nx + 2 * half, np.float32)
    for image in range(n_images):
        for y in range(ny):
            row[:] = 0.0
            for tap in range(max(0, half - y), min(len(taps), ny + half - y)):
                source = images[image, y + tap - half]
                weight = taps[tap]
                for x in range(nx):
                    row[half + x] += weight * source[x]
            target = smoothed[image, y]
            target[:] = 0.0
            for tap in range(len(taps)):
                weight = taps[tap]
                for x in range(nx):
                    target[x] += weight * row[x + tap]

"""Level and scatter of the sky in square blocks, quickly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Pixels

_BLOCK = 64
_SIGMA_OF_MAD = 1.4826
#: A few pixels of each block tell where its histogram has to lie: so many sigma about their median.
_FIRST_SAMPLE = 128
_HALF_RANGE_SIGMA = 6.0
_BINS = 256
#: Of blocks with at least so many rows every other one is enough.
_ENOUGH_ROWS = 32


@dataclass(frozen=True)
class SkyBlocks:
    """Median and scatter of blocks that divide an image evenly.

    Parameters
    ----------
    level, scatter : array of shape (rows, columns), float32
        In the unit of the image; scatter from the median absolute deviation.
    y_middle, x_middle : array of shape (rows,), (columns,), float32
        Middles of the blocks (pixel).
    shape : tuple of int
        Rows and columns of the image.
    """

    level: Pixels
    scatter: Pixels
    y_middle: Pixels
    x_middle: Pixels
    shape: tuple[int, int]

    def spread(self, values: Pixels) -> Pixels:
        """Return values of blocks interpolated linearly to all pixels; beyond the outer middles they stay constant."""
        return _spread(values, self.y_middle, self.x_middle, self.shape[0], self.shape[1])


def sky_blocks(data: Pixels, usable: NDArray[np.bool_], block: int = _BLOCK) -> SkyBlocks:
    """Measure level and scatter of the sky in square blocks.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Pixels of any unit, finite.
    usable : bool array of the same shape
        Others are left out.
    block : int
        Side of the blocks (pixel).

    Returns
    -------
    SkyBlocks
        Blocks without a usable pixel take the median of the others, 0 if there are none.

    Notes
    -----
    Median and median absolute deviation come from a histogram of each block with bins of a twentieth of the noise,
    interpolated; that costs half a pass over the image, as every other row of large blocks is left out.
    """
    ny, nx = data.shape
    rows, columns = max(1, round(ny / block)), max(1, round(nx / block))
    y_edges, x_edges = (
        np.linspace(0, side, n + 1).astype(np.int64) for side, n in ((ny, rows), (nx, columns))
    )
    level, scatter = _block_statistics(data, usable, y_edges, x_edges)
    for values in (level, scatter):
        known = np.isfinite(values)
        values[~known] = np.median(values[known]) if known.any() else 0.0
    y_middle, x_middle = (
        ((edges[:-1] + edges[1:] - 1) / 2.0).astype(np.float32) for edges in (y_edges, x_edges)
    )
    return SkyBlocks(level, scatter, y_middle, x_middle, (ny, nx))


@njit(cache=True, error_model="numpy")
def interpolation_place(middles: Pixels, pixel: int) -> tuple[int, int, np.float32]:
    """Return the two blocks that a pixel lies between and the weight of the second."""
    last = len(middles) - 1
    if pixel <= middles[0]:
        return 0, 0, np.float32(0.0)
    if pixel >= middles[last]:
        return last, last, np.float32(0.0)
    # Blocks are equal to within a pixel, so the guess is off by one at most.
    first = min(int((pixel - middles[0]) / (middles[last] - middles[0]) * last), last - 1)
    while middles[first] > pixel:
        first -= 1
    while middles[first + 1] < pixel:
        first += 1
    weight = (np.float32(pixel) - middles[first]) / (middles[first + 1] - middles[first])
    return first, first + 1, np.float32(weight)


@njit(cache=True, error_model="numpy")
def interpolated_row(values: Pixels, y_middle: Pixels, x_middle: Pixels, y: int, row: Pixels) -> None:
    """Write the interpolation of blocks along row `y` into `row`."""
    top, bottom, weight = interpolation_place(y_middle, y)
    at = (np.float32(1.0) - weight) * values[top] + weight * values[bottom]
    nx = len(row)
    for block in range(len(x_middle) - 1):
        start, end = int(np.ceil(x_middle[block])), int(np.ceil(x_middle[block + 1]))
        slope = (at[block + 1] - at[block]) / (x_middle[block + 1] - x_middle[block])
        for x in range(start, end):
            row[x] = at[block] + slope * (np.float32(x) - x_middle[block])
    row[: int(np.ceil(x_middle[0]))] = at[0]
    row[int(np.ceil(x_middle[-1])) : nx] = at[-1]


@njit(cache=True, error_model="numpy")
def _spread(values: Pixels, y_middle: Pixels, x_middle: Pixels, ny: int, nx: int) -> Pixels:
    image = np.empty((ny, nx), np.float32)
    for y in range(ny):
        interpolated_row(values, y_middle, x_middle, y, image[y])
    return image


@njit(cache=True, error_model="numpy")
def _block_statistics(
    data: Pixels, usable: NDArray[np.bool_], y_edges: NDArray[np.int64], x_edges: NDArray[np.int64]
) -> tuple[Pixels, Pixels]:
    rows, columns = len(y_edges) - 1, len(x_edges) - 1
    level = np.full((rows, columns), np.nan, np.float32)
    scatter = np.full((rows, columns), np.nan, np.float32)
    sample = np.empty(_FIRST_SAMPLE, np.float32)
    counts = np.empty(_BINS + 2, np.int64)
    for j in range(rows):
        for i in range(columns):
            y0, y1, x0, x1 = y_edges[j], y_edges[j + 1], x_edges[i], x_edges[i + 1]
            number = _sampled(data, usable, y0, y1, x0, x1, sample)
            if number == 0:
                continue
            few = np.sort(sample[:number])
            middle = few[number // 2]
            sigma = np.float32(_SIGMA_OF_MAD) * np.sort(np.abs(few - middle))[number // 2]
            if sigma <= 0:
                level[j, i], scatter[j, i] = middle, 0.0
                continue
            low = middle - np.float32(_HALF_RANGE_SIGMA) * sigma
            per_unit = np.float32(_BINS / (2.0 * _HALF_RANGE_SIGMA)) / sigma
            counts[:] = 0
            total = 0
            for y in range(y0, y1, 2 if y1 - y0 >= _ENOUGH_ROWS else 1):
                for x in range(x0, x1):
                    if usable[y, x]:
                        place = (data[y, x] - low) * per_unit
                        place = min(max(place, np.float32(-1.0)), np.float32(_BINS))
                        counts[int(place + np.float32(1.0))] += 1
                        total += 1
            at, width = _median_and_deviation(counts, total)
            level[j, i] = low + at / per_unit
            scatter[j, i] = np.float32(_SIGMA_OF_MAD) * width / per_unit
    return level, scatter


@njit(cache=True, error_model="numpy")
def _sampled(
    data: Pixels, usable: NDArray[np.bool_], y0: int, y1: int, x0: int, x1: int, sample: Pixels
) -> int:
    """Fill the sample with usable pixels spread over a box; return how many there are."""
    rows, columns = y1 - y0, x1 - x0
    number = 0
    # A step that shares no factor with the width visits all columns.
    step = max(1, rows * columns // (2 * len(sample)) - 1) | 1
    for first in range(step):
        for place in range(first, rows * columns, step):
            y, x = y0 + place // columns, x0 + place % columns
            if usable[y, x]:
                sample[number] = data[y, x]
                number += 1
                if number == len(sample):
                    return number
        if number >= len(sample) // 2:
            return number
    return number


@njit(cache=True, error_model="numpy")
def _median_and_deviation(counts: NDArray[np.int64], total: int) -> tuple[float, float]:
    """Return median and median absolute deviation in bins; the first and last count are beyond the histogram."""
    cumulated = np.empty(_BINS + 1, np.float64)
    cumulated[0] = counts[0]
    for i in range(_BINS):
        cumulated[i + 1] = cumulated[i] + counts[i + 1]
    half = 0.5 * total
    at = np.interp(half, cumulated, np.arange(_BINS + 1).astype(np.float64))
    low, high = 0.0, float(_BINS)
    grid = np.arange(_BINS + 1).astype(np.float64)
    for _ in range(20):
        width = 0.5 * (low + high)
        inside = np.interp(at + width, grid, cumulated) - np.interp(at - width, grid, cumulated)
        if inside < half:
            low = width
        else:
            high = width
    return at, 0.5 * (low + high)

"""Trails of satellites and aircraft: long straight lines of light."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from seechange_core.frames import Mask, Pixels
from seechange_core.frames.mask import MASK_DTYPE, UNUSABLE
from seechange_core.imaging.background.sky_mesh import SkyMesh, fill_row, measure_sky_mesh
from seechange_core.imaging.detrending.line_transform import Segment, brightest_segment
from seechange_core.imaging.detrending.trail_strip import (
    NARROW_REACH,
    Verdict,
    centred,
    cut_strip,
    judged,
    may_be_lit,
    straightened,
)

_BLOCK = 8
#: Values of pixels and blocks are cut off here (sigma), so that no star outweighs a line.
_PIXEL_RANGE = (-3.0, 4.0)
_BLOCK_RANGE = (-4.0, 5.0)
#: Blocks: side of the square whose mean is taken away, and the shortest segment.
_SURROUNDINGS = 17
_SHORTEST_BLOCKS = 32
_BORDER = 48.0


def find_trails(
    data: Pixels, mask: Mask, *, threshold: float, shortest: float, margin: float, most: int
) -> tuple[NDArray[np.bool_], int]:
    """Find the pixels on trails.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Sky included, of any unit.
    mask : array of the same shape
        Bits of `MaskPlane`; unusable pixels are not looked at, but masked where a trail crosses them.
    threshold : float
        Least sum along a line to look closer, in units of the scatter of such sums.
    shortest : float
        Trails are at least as long (pixel).
    margin : float
        To mask beyond where the light ends, across and along (pixel).
    most : int
        Lines to look at, at most.

    Returns
    -------
    where : bool array of shape (ny, nx)
    number : int
        Trails found.

    Raises
    ------
    Rejected
        If too few pixels are usable to measure the sky.
    """
    where, number = np.zeros(data.shape, np.bool_), 0
    if max(data.shape) < shortest or min(data.shape) < _BLOCK:
        return where, number
    sky = measure_sky_mesh(data, mask)
    blocks = _blocks(data, mask, sky)
    for _ in range(most):
        first = brightest_segment(blocks, _SHORTEST_BLOCKS)
        if first.score < threshold:
            break
        line, verdict = _looked_at(data, mask, sky, first, shortest)
        if verdict.is_trail and verdict.lit is not None:
            number += 1
            ends = _to_border(verdict.lit, margin, _BORDER + 1.5 * verdict.gap, data.shape)
            _draw(where, ends[0], ends[1], ends[2], ends[3], verdict.half_width + margin)
        for segment in (line, verdict.lit):
            if segment is not None and _length(segment) > 0.0:
                _erase(blocks, segment, verdict.half_width)
    return where, number


def _blocks(data: Pixels, mask: Mask, sky: SkyMesh) -> Pixels:
    """Return the means of blocks of pixels in units of their noise, above those around."""
    means = _block_means(data, mask, MASK_DTYPE(UNUSABLE), (sky.level, sky.sigma), sky.cell)
    known = np.isfinite(means)
    filled = np.where(known, means, np.float32(0.0))
    weight = np.maximum(uniform_filter(known.astype(np.float32), _SURROUNDINGS, mode="constant"), 1e-3)
    around = uniform_filter(filled, _SURROUNDINGS, mode="constant") / weight
    return np.where(known, np.clip(filled - around, *_BLOCK_RANGE), 0.0).astype(np.float32)


def _looked_at(
    data: Pixels, mask: Mask, sky: SkyMesh, first: Segment, shortest: float
) -> tuple[Segment, Verdict]:
    """Place the line exactly, follow it to the edges of the image in steps, and judge it."""
    shift = 0.5 * (_BLOCK - 1)
    x0, y0, x1, y1 = (_BLOCK * end + shift for end in (first.x0, first.y0, first.x1, first.y1))
    line = _inside(Segment(x0, y0, x1, y1, first.score), data.shape)
    placed = straightened(cut_strip(data, mask, sky, line, NARROW_REACH))
    if not may_be_lit(cut_strip(data, mask, sky, placed, NARROW_REACH)):
        return line, Verdict(False)
    while _length(longer := _inside(_stretched(placed, 4.0), data.shape)) > 1.01 * _length(placed):
        placed = straightened(cut_strip(data, mask, sky, longer, NARROW_REACH))
    placed = centred(cut_strip(data, mask, sky, placed))
    return line, judged(cut_strip(data, mask, sky, placed), shortest)


def _length(line: Segment) -> float:
    return math.hypot(line.x1 - line.x0, line.y1 - line.y0)


def _stretched(line: Segment, factor: float) -> Segment:
    more = 0.5 * (factor - 1.0)
    dx, dy = more * (line.x1 - line.x0), more * (line.y1 - line.y0)
    return Segment(line.x0 - dx, line.y0 - dy, line.x1 + dx, line.y1 + dy, line.score)


def _inside(line: Segment, shape: tuple[int, int]) -> Segment:
    """Return the part of a line that is on the image (Liang & Barsky 1984, ACM Trans. Graph. 3, 1)."""
    dx, dy = line.x1 - line.x0, line.y1 - line.y0
    start, end = 0.0, 1.0
    for step, position, last in ((dx, line.x0, shape[1] - 1.0), (dy, line.y0, shape[0] - 1.0)):
        if step:
            low, high = sorted((-position / step, (last - position) / step))
            start, end = max(start, low), min(end, high)
    return Segment(
        line.x0 + start * dx, line.y0 + start * dy, line.x0 + end * dx, line.y0 + end * dy, line.score
    )


def _to_border(
    lit: Segment, margin: float, border: float, shape: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Lengthen a trail by a margin, or off the image where it ends within a border of it."""
    length = _length(lit)
    cosine, sine = (lit.x1 - lit.x0) / length, (lit.y1 - lit.y0) / length
    ends = []
    for x, y, sign in ((lit.x0, lit.y0, -1.0), (lit.x1, lit.y1, 1.0)):
        to_edge = min(x, y, shape[1] - 1 - x, shape[0] - 1 - y)
        more = 3.0 * border if to_edge < border else margin + _BLOCK
        ends += [x + sign * more * cosine, y + sign * more * sine]
    return ends[0], ends[1], ends[2], ends[3]


def _erase(blocks: Pixels, line: Segment, half_width: float) -> None:
    under = np.zeros(blocks.shape, np.bool_)
    shift = 0.5 * (_BLOCK - 1)
    x0, y0, x1, y1 = ((end - shift) / _BLOCK for end in (line.x0, line.y0, line.x1, line.y1))
    _draw(under, x0, y0, x1, y1, half_width / _BLOCK + 1.5)
    blocks[under] = 0.0


@njit(cache=True)
def _block_means(
    data: Pixels, mask: Mask, unusable: np.uint16, sky: tuple[Pixels, Pixels], cell: tuple[float, float]
) -> Pixels:
    ny, nx = data.shape
    rows, columns = ny // _BLOCK, nx // _BLOCK
    result = np.zeros((rows, columns), np.float32)
    level, sigma = np.zeros(nx, np.float32), np.zeros(nx, np.float32)
    total, number = np.zeros(nx, np.float32), np.zeros(nx, np.float32)
    lowest, highest = np.float32(_PIXEL_RANGE[0]), np.float32(_PIXEL_RANGE[1])
    for j in range(rows):
        total[:] = 0.0
        number[:] = 0.0
        fill_row(sky[0], cell, j * _BLOCK + _BLOCK // 2, level)
        fill_row(sky[1], cell, j * _BLOCK + _BLOCK // 2, sigma)
        scale = np.float32(1.0) / sigma
        for y in range(j * _BLOCK, (j + 1) * _BLOCK):
            for x in range(nx):
                use = np.float32((mask[y, x] & unusable) == 0)
                value = min(max((data[y, x] - level[x]) * scale[x], lowest), highest)
                total[x] += use * value
                number[x] += use
        for i in range(columns):
            count = number[i * _BLOCK : (i + 1) * _BLOCK].sum()
            if count < _BLOCK * _BLOCK // 4:
                result[j, i] = np.nan
            else:
                result[j, i] = total[i * _BLOCK : (i + 1) * _BLOCK].sum() / np.sqrt(count)
    return result


@njit(cache=True)
def _draw(canvas: NDArray[np.bool_], x0: float, y0: float, x1: float, y1: float, half_width: float) -> None:
    """Set the pixels of a rectangle around a segment."""
    ny, nx = canvas.shape
    length = np.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2)
    cosine, sine = (x1 - x0) / length, (y1 - y0) / length
    reach = half_width * (abs(cosine) + abs(sine)) + 1.0
    for y in range(max(0, int(min(y0, y1) - reach)), min(ny, int(max(y0, y1) + reach) + 1)):
        low, high = 0, nx
        if abs(sine) > 1e-3:
            middle = x0 + (y - y0) * cosine / sine
            wide = half_width / abs(sine) + 1.0
            low, high = max(0, int(middle - wide)), min(nx, int(middle + wide) + 1)
        for x in range(low, high):
            along = (x - x0) * cosine + (y - y0) * sine
            across = (y - y0) * cosine - (x - x0) * sine
            if 0.0 <= along <= length and abs(across) <= half_width:
                canvas[y, x] = True

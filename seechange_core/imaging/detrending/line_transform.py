"""Sums along straight lines of all directions and of many lengths: the discrete Radon transform of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from seechange_core.frames import Pixels

_SIGMA_OF_MAD = 1.4826


@dataclass(frozen=True)
class Segment:
    """A straight piece of a line on an image.

    Parameters
    ----------
    x0, y0, x1, y1 : float
        Its ends (pixel).
    score : float
        Sum along it in units of the scatter of such sums.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float


def brightest_segment(image: Pixels, shortest: int) -> Segment:
    """Find the segment whose sum is the most significant.

    Parameters
    ----------
    image : array of shape (ny, nx), float32
        Zero on average; 0 where nothing is known.
    shortest : int
        Rows (or columns, for flat lines) that a segment has at least; a power of two.

    Returns
    -------
    Segment
        Its length along one axis is `shortest` times a power of two.

    Notes
    -----
    Brady (1998), SIAM J. Comput. 27, 107: sums over two strips of rows are those of the halves, one of them shifted.
    The intermediate sums are those of short segments, as in Nir, Zackay & Ofek (2018), AJ 156, 229. Four passes, with
    rows and columns exchanged and one axis reversed, cover all directions.
    """
    best = Segment(0.0, 0.0, 0.0, 0.0, -np.inf)
    for transposed in (False, True):
        turned = image.T if transposed else image
        for mirrored in (False, True):
            view = turned[:, ::-1] if mirrored else turned
            found = _steep_segment(np.ascontiguousarray(view), shortest)
            if found.score > best.score:
                best = _turned_back(found, transposed, mirrored, turned.shape[1])
    return best


def _turned_back(found: Segment, transposed: bool, mirrored: bool, width: int) -> Segment:
    x0, x1 = found.x0, found.x1
    if mirrored:
        x0, x1 = width - 1 - x0, width - 1 - x1
    if transposed:
        return Segment(found.y0, x0, found.y1, x1, found.score)
    return Segment(x0, found.y0, x1, found.y1, found.score)


def _steep_segment(image: Pixels, shortest: int) -> Segment:
    """Return the best among segments that go to the right by at most 45 degrees from the columns."""
    ny, nx = image.shape
    length = 1 << max(ny - 1, 1).bit_length()
    sums = np.zeros((length, 1, nx + length), np.float32)
    sums[:ny, 0, length:] = image
    best, unit = Segment(0.0, 0.0, 0.0, 0.0, -np.inf), 0.0
    height = 1
    while height < length:
        sums = _joined(sums, length - 2 * height)
        height *= 2
        if height < shortest:
            continue
        if not unit:
            inner = sums[: ny // height, ::3, length::3]
            unit = max(float(_SIGMA_OF_MAD * np.median(np.abs(inner - np.median(inner)))), 1e-6) / height**0.5
        strip, shift, x = (int(i) for i in np.unravel_index(int(np.argmax(sums)), sums.shape))
        score = float(sums[strip, shift, x]) / (unit * height**0.5)
        if score > best.score:
            left, top = x - length, strip * height
            best = Segment(left, top, left + shift, top + height - 1, score)
    return best


@njit(cache=True)
def _joined(sums: Pixels, first: int) -> Pixels:
    """Join pairs of strips; `first` is the first column that a segment on the image can start in."""
    n_strips, height, width = sums.shape
    result = np.zeros((n_strips // 2, 2 * height, width), np.float32)
    for strip in range(n_strips // 2):
        for shift in range(2 * height):
            upper, lower = sums[2 * strip, shift // 2], sums[2 * strip + 1, shift // 2]
            line, step = result[strip, shift], (shift + 1) // 2
            for x in range(first, width - step):
                line[x] = upper[x] + lower[x + step]
            for x in range(width - step, width):
                line[x] = upper[x]
    return result

"""Cutting an image into tiles with a border, for work in pieces that fit the cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Box

Index = tuple[slice, slice]


@dataclass(frozen=True)
class Tile:
    """A part of an image whose border overlaps its neighbours.

    Parameters
    ----------
    inner : Box
        What the tile is responsible for; the inner boxes of all tiles cover the image once.
    side : tuple of int
        Rows and columns of the tile with its border.
    border : int
        Pixels around the inner box.
    """

    inner: Box
    side: tuple[int, int]
    border: int

    @property
    def centre(self) -> tuple[float, float]:
        """Position x, y of the middle of the inner box (pixel)."""
        return (self.inner.x0 + self.inner.x1 - 1) / 2, (self.inner.y0 + self.inner.y1 - 1) / 2

    @property
    def inside(self) -> tuple[slice, slice]:
        """The index of the inner box in an array of the tile's size."""
        rows, columns = self.inner.shape
        return slice(self.border, self.border + rows), slice(self.border, self.border + columns)

    def overlap(self, shape: tuple[int, int]) -> tuple[Index, Index]:
        """Return the index of the part of the tile that is on an image: in the image, and in the tile."""
        top, left = self.inner.y0 - self.border, self.inner.x0 - self.border
        rows, columns = (
            slice(max(start, 0), min(start + side, n))
            for start, side, n in zip((top, left), self.side, shape, strict=True)
        )
        inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        return (rows, columns), inside

    def cut(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the tile's pixels; those off the image are 0."""
        ny, nx = image.shape
        on_image, inside = self.overlap((ny, nx))
        pixels = np.zeros(self.side, np.float32)
        pixels[inside] = image[on_image]
        return pixels

    def beyond(self, shape: tuple[int, int], depth: int) -> Iterator[tuple[Index, Index]]:
        """Yield where the tile reaches beyond an image's edges, a side at a time, without the corners.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns of the image.
        depth : int
            Pixels beyond the edge that are of interest.

        Yields
        ------
        edge, strip : index
            Of the line of edge pixels in the image, one pixel wide; of the pixels beyond it in the tile.
        """
        ny, nx = shape
        top, left = self.inner.y0 - self.border, self.inner.x0 - self.border
        bottom, right = top + self.side[0], left + self.side[1]
        (rows, columns), in_tile = self.overlap(shape)
        if top < 0:
            yield (slice(0, 1), columns), (slice(max(-depth - top, 0), -top), in_tile[1])
        if bottom > ny:
            yield (slice(ny - 1, ny), columns), (slice(ny - top, ny - top + depth), in_tile[1])
        if left < 0:
            yield (rows, slice(0, 1)), (in_tile[0], slice(max(-depth - left, 0), -left))
        if right > nx:
            yield (rows, slice(nx - 1, nx)), (in_tile[0], slice(nx - left, nx - left + depth))


def tiles(shape: tuple[int, int], inner: int, border: int) -> Iterator[Tile]:
    """Divide an image into equal tiles.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    inner : int
        Largest side of the inner box (pixel); boxes are made equal, so most are smaller.
    border : int
        Pixels around it.

    Yields
    ------
    Tile
        Row by row. All have one size, which suits the FFT.
    """
    rows, columns = (_edges(n, inner) for n in shape)
    side = (_fast_length(rows, border), _fast_length(columns, border))
    for y0, y1 in pairwise(rows):
        for x0, x1 in pairwise(columns):
            yield Tile(Box(y0, y1, x0, x1), side, border)


def _edges(length: int, inner: int) -> list[int]:
    count = -(-length // inner)
    return [round(i * length / count) for i in range(count + 1)]


def _fast_length(edges: list[int], border: int) -> int:
    """Return the smallest even product of 2, 3 and 5 that holds the widest tile."""
    length = max(b - a for a, b in pairwise(edges)) + 2 * border
    while not _is_smooth(length):
        length += 1
    return length


def _is_smooth(length: int) -> bool:
    if length % 2:
        return False
    for prime in (2, 3, 5):
        while length % prime == 0:
            length //= prime
    return length == 1

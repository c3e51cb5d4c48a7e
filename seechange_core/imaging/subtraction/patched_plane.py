"""A plane of an image with another scale and sky and with stand-ins for holes, without a copy of the pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.tiles import Tile


@dataclass(frozen=True)
class Holes:
    """Some pixels of an image, by rows.

    Parameters
    ----------
    first : int array of shape (ny + 1,)
        Where in `column` the pixels of each row begin.
    column : int array of shape (n,)
        Columns, in the order of rows and columns.
    """

    first: NDArray[np.int64]
    column: NDArray[np.int32]

    @classmethod
    def of(cls, bad: NDArray[np.bool_]) -> Holes:
        """List the pixels that are marked in an array of shape (ny, nx)."""
        first = np.zeros(len(bad) + 1, np.int64)
        np.cumsum(np.count_nonzero(bad, axis=1), out=first[1:])
        return cls(first, (np.flatnonzero(bad) % bad.shape[1]).astype(np.int32))

    def put(self, values: Pixels, rows: slice, columns: slice, out: Pixels) -> None:
        """Write one value for each of the pixels into a part of the image."""
        _put(self.first, self.column, values, rows.start, columns.start, out)


@dataclass(frozen=True)
class Surface:
    """A polynomial over an image.

    Parameters
    ----------
    coefficients : array of shape (degree + 1, degree + 1)
        [j, i] is of y^j x^i, both from -1 to 1 across the image.
    """

    coefficients: Floats

    def drawn(
        self, shape: tuple[int, int], rows: slice = slice(None), columns: slice = slice(None)
    ) -> Floats:
        """Evaluate at the middles of some pixels, or blocks, of an image, in the coefficients' precision."""
        powers = [
            np.vander((2 * np.arange(n)[part] + 1) / n - 1, len(self.coefficients), increasing=True)
            for n, part in zip(shape, (rows, columns), strict=True)
        ]
        along_y, along_x = (power.astype(self.coefficients.dtype) for power in powers)
        drawn: Floats = along_y @ self.coefficients @ along_x.T
        return drawn


@dataclass(frozen=True)
class PatchedPlane:
    """What ``pixels * scale`` is with stand-ins in holes and less a surface, made where it is asked for.

    Parameters
    ----------
    pixels : array of shape (ny, nx), float32
        As they came; what is in holes is ignored.
    holes : Holes
        Pixels that are not used.
    values : array of shape (n,), float32
        Stand-ins, of the same scale as the result.
    scale : float
        For pixels.
    surface : Surface, optional
        Subtracted from pixels and stand-ins.
    """

    pixels: Pixels
    holes: Holes
    values: Pixels
    scale: float = 1.0
    surface: Surface | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def part(self, rows: slice, columns: slice) -> Pixels:
        """Return a part of the plane; both slices have a start and a stop within the image."""
        out = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        np.multiply(self.pixels[rows, columns], np.float32(self.scale), out=out)
        self.holes.put(self.values, rows, columns, out)
        if self.surface is not None:
            out -= self.surface.drawn(self.shape, rows, columns)
        return out

    def whole(self) -> Pixels:
        """Return the whole plane."""
        return self.part(*(slice(0, n) for n in self.shape))

    def tile(self, tile: Tile) -> Pixels:
        """Return a tile's pixels; those off the image are 0."""
        image, inside = tile.overlap(self.shape)
        pixels = np.zeros(tile.side, np.float32)
        pixels[inside] = self.part(*image)
        return pixels


@njit(cache=True)
def _put(
    first: NDArray[np.int64], column: NDArray[np.int32], values: Pixels, top: int, left: int, out: Pixels
) -> None:
    ny, nx = out.shape
    for y in range(ny):
        begin, end = first[top + y], first[top + y + 1]
        for i in range(begin + np.searchsorted(column[begin:end], left), end):
            x = column[i] - left
            if x >= nx:
                break
            out[y, x] = values[i]

"""Images on one grid with variance and mask, kept on disk so that memory does not grow with their number."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Box, Mask, Pixels

#: Bytes of the values of a pixel: data, variance, mask.
_PLANES = ((np.float32, 0), (np.float32, 4), (np.uint16, 8))
_PIXEL_BYTES = 10


class WarpedStack:
    """Context manager that holds images in a file without a name, which ends with the process at the latest.

    Parameters
    ----------
    folder : Path or None
        Where the file is; it takes 10 bytes a pixel and image. None is the system's folder for such files.
    shape : tuple of int
        Rows and columns of all images.
    """

    def __init__(self, folder: Path | None, shape: tuple[int, int]) -> None:
        self._folder = folder
        self.shape = shape
        self._count = 0

    def __enter__(self) -> Self:
        self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        """Return the number of images."""
        return self._count

    def append(self, data: Pixels, variance: Pixels, mask: Mask) -> None:
        """Add an image.

        Raises
        ------
        ValueError
            If a plane has another shape than the stack.
        """
        planes: tuple[NDArray, ...] = (data, variance, mask)
        for plane, (dtype, _) in zip(planes, _PLANES, strict=True):
            if plane.shape != self.shape:
                raise ValueError(f"the plane has the shape {plane.shape}, the stack {self.shape}")
            left = np.ascontiguousarray(plane, dtype).data.cast("B")
            while left:
                left = left[self._file.write(left) or 0 :]
        self._count += 1

    def data(self, chosen: Sequence[int], box: Box) -> Pixels:
        """Return the pixels of chosen images in a box, shape (len(chosen), rows, columns)."""
        return self._read(0, chosen, box)

    def variance(self, chosen: Sequence[int], box: Box) -> Pixels:
        """Return their variances."""
        return self._read(1, chosen, box)

    def mask(self, chosen: Sequence[int], box: Box) -> Mask:
        """Return their masks."""
        return self._read(2, chosen, box)

    def _read(self, plane: int, chosen: Sequence[int], box: Box) -> NDArray:
        dtype, skipped = _PLANES[plane]
        ny, nx = self.shape
        values = np.empty((len(chosen), *box.shape), dtype)
        size = values.itemsize
        whole_rows = box.x0 == 0 and box.x1 == nx
        for image, number in zip(values, chosen, strict=True):
            start = ny * nx * (number * _PIXEL_BYTES + skipped)
            for rows, first in (
                [(image, box.y0)] if whole_rows else zip(image, range(box.y0, box.y1), strict=True)
            ):
                self._fill(rows, start + size * (first * nx + box.x0))
        return values

    def _fill(self, rows: NDArray, offset: int) -> None:
        left = rows.data.cast("B")
        while left:
            got = os.preadv(self._file.fileno(), [left], offset)
            if not got:
                raise OSError("the scratch file of a stack of images ends too early")
            left, offset = left[got:], offset + got


class Usable:
    """Which pixels of each image enter, one bit a pixel and image.

    Parameters
    ----------
    n_images : int
    shape : tuple of int
        Rows and columns.
    """

    def __init__(self, n_images: int, shape: tuple[int, int]) -> None:
        self._bits = np.zeros((n_images, shape[0], (shape[1] + 7) // 8), np.uint8)
        self._n_columns = shape[1]

    def set_rows(self, first: int, values: NDArray[np.bool_]) -> None:
        """Store rows from the first on, an array of shape (n_images, rows, columns)."""
        self._bits[:, first : first + values.shape[1]] = np.packbits(values, axis=2)

    def within(self, box: Box) -> NDArray[np.bool_]:
        """Return the part in a box, shape (n_images, rows, columns)."""
        left = box.x0 // 8
        bits = self._bits[:, box.y0 : box.y1, left : (min(box.x1, self._n_columns) + 7) // 8]
        values = np.unpackbits(bits, axis=2)[:, :, box.x0 - 8 * left : box.x1 - 8 * left]
        return values.view(np.bool_)

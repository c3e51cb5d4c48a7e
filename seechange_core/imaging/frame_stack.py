"""Many images of one shape on disk, read in bands of rows, so that memory does not grow with their number."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Pixels

_BAND_BYTES = 96 * 2**20
_SAMPLE_PIXELS = 20_000


class FrameStack:
    """Context manager that holds images in a file without a name, which ends with the process at the latest.

    Parameters
    ----------
    folder : Path
        Where the file is; it takes 4 bytes a pixel and image.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.shape: tuple[int, int] = (0, 0)
        self._samples: list[Pixels] = []

    def __enter__(self) -> Self:
        self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._samples)

    def append(self, image: Pixels) -> None:
        """Add an image; NaN marks pixels without a value.

        Raises
        ------
        ValueError
            If its shape is another one than that of the images before.
        """
        if self._samples and image.shape != self.shape:
            raise ValueError(f"the image has the shape {image.shape}, those before it {self.shape}")
        self.shape = image.shape[0], image.shape[1]
        left = np.ascontiguousarray(image, np.float32).data.cast("B")
        while left:
            left = left[self._file.write(left) or 0 :]
        self._samples.append(image.ravel()[self.sampled].copy())

    @property
    def sampled(self) -> NDArray[np.intp]:
        """Which pixels of the flattened images are kept in memory: some 20,000, spread over rows and columns."""
        ny, nx = self.shape
        step = max(1, ny * nx // _SAMPLE_PIXELS)
        while math.gcd(step, nx) > 1:
            step += 1
        return np.arange(0, ny * nx, step)

    def samples(self, chosen: Sequence[int]) -> Pixels:
        """Return those pixels of the chosen images, an array of shape (len(chosen), n)."""
        return np.stack([self._samples[number] for number in chosen])

    def bands(self, chosen: Sequence[int]) -> Iterator[tuple[slice, Pixels]]:
        """Yield rows and their pixels in the chosen images, an array of shape (len(chosen), rows, nx)."""
        ny, nx = self.shape
        most_rows = max(1, _BAND_BYTES // (4 * nx * max(1, len(chosen))))
        band = np.empty((len(chosen), min(ny, most_rows), nx), np.float32)
        for first in range(0, ny, most_rows):
            rows = slice(first, min(ny, first + most_rows))
            part = band[:, : rows.stop - first]
            for place, number in enumerate(chosen):
                self._read(part[place], 4 * nx * (number * ny + first))
            yield rows, part

    def _read(self, rows: Pixels, offset: int) -> None:
        left = rows.data.cast("B")
        while left:
            got = os.preadv(self._file.fileno(), [left], offset)
            if not got:
                raise OSError("the scratch file of a stack of images ends too early")
            left, offset = left[got:], offset + got

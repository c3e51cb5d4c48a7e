"""Correlations of the masked images at small lags, which are all that the normal equations need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2

from seechange_core.frames import Box, Floats, Pixels
from seechange_sfft.kernel_sources import KernelSources

_STEP = 128


@dataclass(frozen=True)
class MaskedPair:
    """Image, target and the level 1, all times the weights of the sources and so 0 elsewhere.

    Parameters
    ----------
    image, target, level : array of shape (ny, nx), float32
        What is convolved, what it shall match, and what a constant is.
    """

    image: Pixels
    target: Pixels
    level: Pixels

    @classmethod
    def of(cls, image: Pixels, target: Pixels, sources: KernelSources) -> MaskedPair:
        """Mask both images."""
        level = sources.weight.astype(np.float32)[sources.labels]
        return cls(image * level, target * level, level)


@dataclass(frozen=True)
class Window:
    """A soft-edged part of the image.

    The squares of all windows add up to 1. Sums over windows are then sums over the image, and since the images are cut
    in the same way, each window gives a matrix without negative eigenvalues.

    Parameters
    ----------
    box : Box
        Where it is.
    along_y, along_x : array
        Its value at a pixel is the product of the two: a cosine in each direction.
    """

    box: Box
    along_y: Floats
    along_x: Floats

    def cut(self, image: Pixels) -> Floats:
        """Return the image in the window."""
        return image[self.box.slices] * self.along_y[:, None] * self.along_x


def windows(level: Pixels) -> list[Window]:
    """Divide the image into windows and return those with pixels in the fit.

    Parameters
    ----------
    level : array of shape (ny, nx)
        0 outside of the sources.
    """
    rows, columns = (_cosines(n) for n in level.shape)
    found = [
        Window(Box(y0, y0 + len(along_y), x0, x0 + len(along_x)), along_y, along_x)
        for y0, along_y in rows
        for x0, along_x in columns
    ]
    return [window for window in found if level[window.box.slices].any()]


@dataclass(frozen=True)
class WindowCorrelations:
    """Sums over the pixels of each window.

    Parameters
    ----------
    x, y : array of shape (n,)
        Centre of the light of each window (pixel).
    image : array of shape (n, 4 half + 1, 4 half + 1)
        Of the image with itself; lag (0, 0) is in the middle.
    target, level : array of shape (n, 2 half + 1, 2 half + 1)
        Of target and level with the image.
    level_square, level_target : array of shape (n,)
        Of the level with itself and with the target, at lag (0, 0).
    """

    x: Floats
    y: Floats
    image: Floats
    target: Floats
    level: Floats
    level_square: Floats
    level_target: Floats

    @property
    def half(self) -> int:
        """Largest lag of the target."""
        return self.target.shape[1] // 2

    def update(self, at: NDArray[np.intp], other: WindowCorrelations) -> None:
        """Put in other sums for some windows."""
        for field in fields(self):
            getattr(self, field.name)[at] = getattr(other, field.name)


def correlate(pair: MaskedPair, where: Sequence[Window], half: int) -> WindowCorrelations:
    """Correlate the masked images in each window.

    Parameters
    ----------
    pair : MaskedPair
        The images.
    where : sequence of Window
        The windows.
    half : int
        Of the kernel's side, rounded down (pixel).

    Notes
    -----
    ``C(d) = sum over x of a(x) b(x - d)`` has the transform ``A conj(B)``.
    """
    n, reach = len(where), 2 * half + 1
    sums = WindowCorrelations(
        x=np.empty(n),
        y=np.empty(n),
        image=np.empty((n, 2 * reach - 1, 2 * reach - 1)),
        target=np.empty((n, reach, reach)),
        level=np.empty((n, reach, reach)),
        level_square=np.empty(n),
        level_target=np.empty(n),
    )
    # Room for the largest lag, so that nothing wraps around.
    side = next_fast_len(2 * _STEP + 2 * half, real=True)
    shape = side, side
    lags, wide_lags = (np.arange(-largest, largest + 1) for largest in (half, 2 * half))
    for i, window in enumerate(where):
        image, target, level = (window.cut(plane) for plane in (pair.image, pair.target, pair.level))
        transform = rfft2(image, shape)
        conjugate = transform.conj()
        sums.image[i] = irfft2(transform * conjugate, shape)[np.ix_(wide_lags, wide_lags)]
        sums.target[i] = irfft2(rfft2(target, shape) * conjugate, shape)[np.ix_(lags, lags)]
        sums.level[i] = irfft2(rfft2(level, shape) * conjugate, shape)[np.ix_(lags, lags)]
        sums.level_square[i] = np.sum(level**2)
        sums.level_target[i] = np.sum(level * target)
        light = image**2 + level**2
        total = max(light.sum(), np.finfo(float).tiny)
        sums.y[i] = window.box.y0 + light.sum(axis=1) @ np.arange(light.shape[0]) / total
        sums.x[i] = window.box.x0 + light.sum(axis=0) @ np.arange(light.shape[1]) / total
    return sums


def _cosines(length: int) -> list[tuple[int, Floats]]:
    """Return the start and the values of every window along one axis."""
    found = []
    for middle in range(0, length + _STEP, _STEP):
        start, end = max(middle - _STEP + 1, 0), min(middle + _STEP, length)
        if start < end:
            pixel = np.arange(start, end)
            found.append((start, np.cos(np.pi * (pixel - middle) / (2 * _STEP))))
    return found

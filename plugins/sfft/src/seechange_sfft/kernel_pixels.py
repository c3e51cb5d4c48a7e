"""The pixels that a kernel is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats

_RING_RATIO = 1.15
_SECTORS = 8
# What is expected of a kernel before the data are looked at: a core, and wings like those of a PSF.
_CORE_SIGMA_FWHM = 0.5
_WINGS = 1.1
_VARYING_PART = 0.1


@dataclass(frozen=True)
class KernelPixels:
    """Pixels of a disc. Each of the core has a value of its own; those of the wings share one in groups.

    Wings are smooth and faint, but of a star of 1e6 electrons they are brighter than the noise, and one value for each
    pixel would be noisier than that.

    Parameters
    ----------
    offsets : array of shape (n, 2), int
        Row and column of each pixel, relative to the kernel's middle.
    group : array of shape (n,), int
        Which pixels have the same value; numbers ascend.
    fwhm : float
        Of the less sharp image (pixel).
    """

    offsets: NDArray[np.intp]
    group: NDArray[np.intp]
    fwhm: float

    @property
    def half(self) -> int:
        """Pixels on each side of the kernel's middle."""
        return int(self.offsets.max())

    @property
    def n_groups(self) -> int:
        """Number of different values."""
        return int(self.group[-1]) + 1

    @property
    def sizes(self) -> Floats:
        """Number of pixels in each group."""
        return np.bincount(self.group).astype(np.float64)

    @property
    def middle(self) -> int:
        """Group of the middle pixel, the only one in it."""
        return int(self.group[np.flatnonzero(~self.offsets.any(axis=1))[0]])

    def summed(self, values: Floats) -> Floats:
        """Add up over the pixels of each group, along the first axis."""
        starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        total: Floats = np.add.reduceat(values, starts, axis=0)
        return total

    def expected_error(self, *, varying: bool) -> Floats:
        """Return how large each value is expected to be at most (1 sigma), shape (n_groups,).

        Where few sources are seen this keeps the noise of the wings below their light; where many are it does not
        matter.

        Parameters
        ----------
        varying : bool
            Of the terms that vary over the image, which are smaller.
        """
        square = self.summed(np.sum(self.offsets**2, axis=1).astype(np.float64)) / self.sizes / self.fwhm**2
        wings = _WINGS / self.fwhm**2 * (1 + square) ** -3
        expected: Floats = np.exp(-0.5 * square / _CORE_SIGMA_FWHM**2) + wings
        return _VARYING_PART * expected if varying else expected


def kernel_pixels(fwhm: float, core: float, half: int) -> KernelPixels:
    """Choose the pixels of a disc, beyond its core in sectors of rings that widen outwards.

    Parameters
    ----------
    fwhm : float
        Of the less sharp image (pixel).
    core, half : float, int
        Radius of the core and of the disc (pixel).
    """
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    radius = np.hypot(y, x)
    inside = radius <= half + 0.5
    y, x, radius = y[inside], x[inside], radius[inside]
    ring = np.floor(np.log(np.maximum(radius / core, 1)) / np.log(_RING_RATIO)).astype(np.intp)
    sector = np.floor((np.arctan2(y, x) / (2 * np.pi) + 0.5) * _SECTORS).astype(np.intp) % _SECTORS
    in_core = radius <= core
    key = np.where(in_core, np.arange(len(y)), len(y) + _SECTORS * ring + sector)
    order = np.argsort(key, kind="stable")
    group = np.unique(key[order], return_inverse=True)[1]
    return KernelPixels(np.stack([y, x], axis=1)[order], group, fwhm)

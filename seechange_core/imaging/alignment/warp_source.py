"""Making a frame ready to be resampled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import UNUSABLE, Frame, Mask, MaskPlane, Pixels
from seechange_core.imaging.alignment.spline import spline_coefficients

_REACH = 3
#: How often holes are filled inwards, so that what is left of a step within them does not reach out.
_FILLINGS = 2


@dataclass(frozen=True)
class WarpSource:
    """A frame and what resampling needs of it, computed when it is first asked for.

    Parameters
    ----------
    frame : Frame
        Background subtracted.
    overwrite : bool
        Whether the frame's data may be overwritten, which spares their memory.
    """

    frame: Frame
    overwrite: bool = False

    @cached_property
    def mask(self) -> Mask:
        """The frame's, with ``NO_DATA`` where data or variance are not finite."""
        mask = self.frame.mask.copy()
        _mark_missing(self.frame.data, self.frame.variance, mask, np.uint16(MaskPlane.NO_DATA))
        return mask

    @cached_property
    def spread_mask(self) -> Mask:
        """Planes of all pixels that matter for a position between a pixel and the next."""
        return spread_mask(self.mask)

    @cached_property
    def coefficients(self) -> Pixels:
        """Of the spline, with plausible values instead of unusable pixels."""
        filled = self._filled(self.frame.data, overwrite=self.overwrite)
        is_shared = filled is self.frame.data and not self.overwrite
        return spline_coefficients(filled, out=None if is_shared else filled)

    @cached_property
    def variance(self) -> Pixels:
        """With plausible values instead of unusable pixels'."""
        return self._filled(self.frame.variance)

    @cached_property
    def _holes(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        mask, unusable_planes = self.mask, np.uint16(UNUSABLE)
        return _places(mask, unusable_planes, _count(mask, unusable_planes))

    def _filled(self, values: Pixels, *, overwrite: bool = False) -> Pixels:
        rows, columns = self._holes
        if not len(rows):
            return values
        filled = values if overwrite else values.copy()
        known = np.ones(values.shape, bool)
        known[rows, columns] = False
        for _ in range(_FILLINGS):
            _fill(filled, known, rows, columns)
            known[rows, columns] = filled[rows, columns] != 0
        return filled


def prepare_source(frame: Frame, *, overwrite: bool = False) -> WarpSource:
    """Return what resamples a frame, once for any number of strips."""
    return WarpSource(frame, overwrite)


@numba.njit(cache=True, nogil=True)
def _mark_missing(data, variance, mask, no_data):  # type: ignore[no-untyped-def]
    ny, nx = data.shape
    for y in range(ny):
        for x in range(nx):
            if not np.isfinite(data[y, x] + variance[y, x]):
                mask[y, x] |= no_data


@numba.njit(cache=True, nogil=True)
def _count(mask, planes):  # type: ignore[no-untyped-def]
    number = 0
    for value in mask.flat:
        number += (value & planes) != 0
    return number


@numba.njit(cache=True, nogil=True)
def _places(mask, planes, number):  # type: ignore[no-untyped-def]
    """Return rows and columns of the pixels with any of the planes."""
    rows, columns = np.empty(number, np.intp), np.empty(number, np.intp)
    n = 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x] & planes:
                rows[n], columns[n] = y, x
                n += 1
    return rows, columns


@numba.njit(cache=True, nogil=True)
def spread_mask(mask):  # type: ignore[no-untyped-def]
    """Collect at each pixel the planes of the pixels -1 to +2 along both axes: those whose weights matter."""
    ny, nx = mask.shape
    spread = np.zeros_like(mask)
    for y in range(ny):
        for x in range(nx):
            planes = mask[y, x]
            if planes:
                for j in range(max(y - 2, 0), min(y + 2, ny)):
                    for i in range(max(x - 2, 0), min(x + 2, nx)):
                        spread[j, i] |= planes
    return spread


@numba.njit(cache=True, nogil=True)
def _fill(values, known, rows, columns):  # type: ignore[no-untyped-def]
    """Write into unknown pixels the mean of the known ones up to 3 pixels away, weighted by 1/distance^6, or 0."""
    ny, nx = values.shape
    for place in range(len(rows)):
        y, x = rows[place], columns[place]
        if known[y, x]:
            continue
        total, weight = 0.0, 0.0
        for j in range(max(y - _REACH, 0), min(y + _REACH + 1, ny)):
            for i in range(max(x - _REACH, 0), min(x + _REACH + 1, nx)):
                if known[j, i]:
                    w = 1.0 / ((j - y) ** 2 + (i - x) ** 2) ** 3
                    total += w * values[j, i]
                    weight += w
        values[y, x] = total / weight if weight > 0.0 else 0.0

"""How many pixels have which bits of a mask."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import UNUSABLE, Mask, MaskPlane

_BITS = 16


def plane_fractions(mask: Mask) -> tuple[dict[MaskPlane, float], float]:
    """Return the fraction of pixels with each plane, and of those with any that makes them unusable."""
    counts = _value_counts(mask)
    values = np.arange(1 << _BITS)
    planes = {plane: float(counts[(values & plane) != 0].sum() / mask.size) for plane in MaskPlane}
    return planes, float(counts[(values & UNUSABLE) != 0].sum() / mask.size)


def with_plane(mask: Mask, where: NDArray[np.bool_], plane: MaskPlane) -> Mask:
    """Return a copy of a mask with a plane set where asked."""
    return _with_plane(mask, where, mask.dtype.type(plane))


@njit(cache=True)
def _value_counts(mask: Mask) -> NDArray[np.int64]:
    # Two tables, because runs of equal values would make each count wait for the one before.
    counts = np.zeros((2, 1 << _BITS), np.int64)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            counts[x & 1, mask[y, x]] += 1
    return counts[0] + counts[1]


@njit(cache=True)
def _with_plane(mask: Mask, where: NDArray[np.bool_], plane: np.uint16) -> Mask:
    result = np.empty_like(mask)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            result[y, x] = mask[y, x] | (plane if where[y, x] else np.uint16(0))
    return result

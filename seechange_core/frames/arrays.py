"""Names for the array types that frames are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames.mask import MASK_DTYPE

#: Pixels and variances: native float32, C-ordered, ``[y, x]``.
Pixels = NDArray[np.float32]
#: Bits of `MaskPlane`, the shape of the pixels they describe.
Mask = NDArray[np.uint16]
#: Positions, angles, fluxes: float64, shape ``(n,)``.
Floats = NDArray[np.float64]


def as_pixels(values: Any) -> Pixels:
    """Return values as a native, C-ordered float32 array; copies only if needed."""
    return np.ascontiguousarray(values, dtype=np.float32)


def as_mask(values: Any) -> Mask:
    """Return values as a native, C-ordered mask; copies only if needed."""
    return np.ascontiguousarray(values, dtype=MASK_DTYPE)

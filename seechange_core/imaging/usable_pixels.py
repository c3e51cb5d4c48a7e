"""Which pixels of a frame can be measured on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Frame, MaskPlane, unusable


def without_senseless_values(frame: Frame) -> Frame:
    """Return the frame with finite values and positive variances only.

    Pixels that have none become ``NO_DATA``, with the value 0 and the variance 1. A frame without any is returned as
    it is.
    """
    with np.errstate(invalid="ignore"):
        senseless = ~(np.isfinite(frame.data) & np.isfinite(frame.variance) & (frame.variance > 0))
    if not senseless.any():
        return frame
    return frame.replaced(
        data=np.where(senseless, np.float32(0), frame.data),
        variance=np.where(senseless, np.float32(1), frame.variance),
        mask=frame.mask
        | np.where(senseless, frame.mask.dtype.type(MaskPlane.NO_DATA), frame.mask.dtype.type(0)),
    )


def unusable_pixels(frame: Frame) -> NDArray[np.bool_]:
    """Return where the mask of a frame forbids the use of a pixel."""
    return unusable(frame.mask)

"""The bits of a mask, fixed in one place for every image, coadd and difference."""

from __future__ import annotations

from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

MASK_DTYPE = np.uint16


class MaskPlane(IntFlag):
    """What is wrong with, or worth knowing about, a pixel.

    The numbers are part of the file format: a new plane takes the next free bit, and none is ever reused.
    """

    BAD = 1 << 0
    SATURATED = 1 << 1
    BLEED = 1 << 2
    COSMIC_RAY = 1 << 3
    TRAIL = 1 << 4
    EDGE = 1 << 5
    NO_DATA = 1 << 6
    CROSSTALK = 1 << 7
    INTERPOLATED = 1 << 8
    INJECTED = 1 << 9
    SUSPECT = 1 << 10
    CONTAMINATED = 1 << 11


MASK_MEANINGS: dict[MaskPlane, str] = {
    MaskPlane.BAD: "defect of the detector",
    MaskPlane.SATURATED: "at or above saturation",
    MaskPlane.BLEED: "charge bled from a saturated pixel",
    MaskPlane.COSMIC_RAY: "hit by a cosmic ray",
    MaskPlane.TRAIL: "on a satellite or aircraft trail",
    MaskPlane.EDGE: "near the edge of the detector",
    MaskPlane.NO_DATA: "no value was measured or could be resampled",
    MaskPlane.CROSSTALK: "ghost of a bright source elsewhere",
    MaskPlane.INTERPOLATED: "value interpolated from neighbours",
    MaskPlane.INJECTED: "light of an injected source",
    MaskPlane.SUSPECT: "flagged by the data's provider; used",
    MaskPlane.CONTAMINATED: "seen in one half of a coadd's time only; used",
}

#: Pixels with any of these planes are left out of every measurement.
UNUSABLE = (
    MaskPlane.BAD
    | MaskPlane.SATURATED
    | MaskPlane.BLEED
    | MaskPlane.COSMIC_RAY
    | MaskPlane.TRAIL
    | MaskPlane.NO_DATA
    | MaskPlane.INTERPOLATED
)


def unusable(mask: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return where a mask forbids the use of a pixel.

    Parameters
    ----------
    mask : integer array
        Bits of `MaskPlane`.

    Returns
    -------
    bool array of the same shape
    """
    return (mask & MASK_DTYPE(UNUSABLE)) != 0

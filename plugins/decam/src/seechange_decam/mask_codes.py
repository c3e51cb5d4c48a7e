"""The data-quality masks of the community pipeline, whose numbers changed their meaning with its version 3.5."""

from __future__ import annotations

import re
import warnings

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import InputError
from seechange_core.frames import Mask, MaskPlane

# From version 3.5 on a pixel has one code. 7 (differs between exposures) may be a transient and never masks a pixel;
# 8 (long streak) is unreliable.
_CODES = {
    1: MaskPlane.BAD,
    2: MaskPlane.NO_DATA,
    3: MaskPlane.SATURATED,
    4: MaskPlane.BLEED,
    5: MaskPlane.COSMIC_RAY,
    6: MaskPlane.BAD,
    7: MaskPlane(0),
    8: MaskPlane.SUSPECT,
}
# Before, it had bits; 128 is what 7 is now.
_BITS = {
    1: MaskPlane.BAD,
    2: MaskPlane.SATURATED,
    4: MaskPlane.INTERPOLATED,
    16: MaskPlane.COSMIC_RAY,
    64: MaskPlane.BLEED,
    128: MaskPlane(0),
}
_FIRST_VERSION_WITH_CODES = (3, 5)


def planes_of(quality: NDArray[np.integer], pipeline_version: str) -> Mask:
    """Translate a data-quality mask.

    Parameters
    ----------
    quality : integer array of shape (ny, nx)
        As in the file.
    pipeline_version : str
        PLVER, such as ``"V4.8.2a"``.

    Returns
    -------
    array of shape (ny, nx), uint16
        Bits of `MaskPlane`. A number that is not documented is SUSPECT.

    Raises
    ------
    InputError
        If the version is not one.
    """
    match = re.match(r"V?(\d+)\.(\d+)", pipeline_version.strip(), re.IGNORECASE)
    if match is None:
        raise InputError(f"PLVER is {pipeline_version!r}, not a version like V4.8.2: codes or bits?")
    has_codes = (int(match[1]), int(match[2])) >= _FIRST_VERSION_WITH_CODES
    meanings = _CODES if has_codes else _BITS
    mask = np.zeros(quality.shape, np.uint16)
    for number, plane in meanings.items():
        chosen = quality == number if has_codes else (quality & number) != 0
        mask[chosen] |= np.uint16(plane)
    known = np.isin(quality, [0, *meanings]) if has_codes else (quality & ~sum(meanings)) == 0
    if not known.all():
        numbers = ", ".join(str(number) for number in np.unique(quality[~known])[:5])
        warnings.warn(f"data-quality numbers without documented meaning: {numbers}; flagged", stacklevel=2)
        mask[~known] |= np.uint16(MaskPlane.SUSPECT)
    return mask

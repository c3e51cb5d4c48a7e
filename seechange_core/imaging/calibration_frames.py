"""Many bias or flat exposures into one calibration frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from seechange_core.frames import CalibrationFrame, MaskPlane, Pixels, SectionData
from seechange_core.frames.mask import MASK_DTYPE

#: Which corrections the exposures have had before they are combined, by kind. Flats are combined in electrons, so that
#: the ratio of the amplifiers' gains stays out of the response.
CORRECTED_BEFORE: dict[str, tuple[str, ...]] = {"bias": ("overscan",), "flat": ("overscan", "bias", "gain")}
_CLIP_SIGMA = 4.0
#: A bias pixel is bad if it lies this far (ADU) off its surroundings, a flat pixel if this fraction.
_BIAS_TOLERANCE_ADU = 50.0
_FLAT_TOLERANCE = 0.3


def combine_calibration(kind: str, sections: Sequence[SectionData], product_id: str) -> CalibrationFrame:
    """Combine exposures of one section into a calibration frame.

    Parameters
    ----------
    kind : {"bias", "flat"}
        Flats are scaled to median 1 each.
    sections : sequence of SectionData
        Corrected as `CORRECTED_BEFORE` says.
    product_id : str
        Of the result.

    Returns
    -------
    CalibrationFrame
        Clipped mean; its mask marks hot columns of a bias and dead pixels of a flat as ``BAD``.

    Raises
    ------
    ValueError
        If there is nothing to combine, the kind is unknown, or the shapes differ.
    """
    if kind not in CORRECTED_BEFORE:
        raise ValueError(
            f"cannot combine calibration frames of kind {kind!r}; known are {', '.join(CORRECTED_BEFORE)}"
        )
    if not sections:
        raise ValueError(f"no exposures to make a {kind} from")
    if len({section.data.shape for section in sections}) > 1:
        raise ValueError(f"exposures of kind {kind} differ in shape: {[s.data.shape for s in sections]}")
    if kind == "bias":
        data = clipped_mean([section.data for section in sections])
        bad = np.abs(data - median_filter(data, (1, 9))) > _BIAS_TOLERANCE_ADU
    else:
        data = clipped_mean([section.data / np.float32(np.median(section.data)) for section in sections])
        data /= np.float32(np.median(data))
        surroundings = median_filter(data, (1, 9))
        bad = np.abs(data - surroundings) > _FLAT_TOLERANCE * surroundings
    return CalibrationFrame(kind, data, product_id, _bad_mask(bad))


def clipped_mean(images: Sequence[Pixels]) -> Pixels:
    """Return the mean of images without values further than 4 sigma from their median.

    Sigma is estimated from the median absolute deviation over the whole image, so that a few images are enough.
    """
    stack = np.stack(images)
    middle = np.median(stack, axis=0)
    deviation = np.abs(stack - middle)
    # The deviation from a median of n values is smaller than from the true value, by this for Gaussian noise.
    shrinkage = np.sqrt(max(1.0 - 1.0 / len(images), 0.5))
    sigma = 1.4826 * np.median(deviation) / shrinkage
    kept = deviation <= _CLIP_SIGMA * sigma
    total = np.where(kept, stack, 0.0).sum(axis=0)
    count = kept.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), middle).astype(np.float32)


def _bad_mask(bad: NDArray[np.bool_]) -> NDArray[np.uint16]:
    return np.where(bad, MASK_DTYPE(MaskPlane.BAD), MASK_DTYPE(0))

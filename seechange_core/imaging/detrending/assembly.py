"""Raw amplifiers side by side as the detector's pixels lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Amplifier

_Kind = TypeVar("_Kind", np.float32, np.uint16)


def assembled_shape(amplifiers: Sequence[Amplifier]) -> tuple[int, int]:
    """Return rows and columns of the trimmed image."""
    return max(amp.trimmed.y1 for amp in amplifiers), max(amp.trimmed.x1 for amp in amplifiers)


def assembled(raw: NDArray[_Kind], amplifiers: Sequence[Amplifier]) -> NDArray[_Kind]:
    """Cut the light-sensitive pixels out of a raw array and put them where, and the way round, they belong.

    Parameters
    ----------
    raw : array of shape (ny, nx)
        Pixels or mask.
    amplifiers : sequence of Amplifier
        Boxes in `raw` and in the trimmed image.

    Raises
    ------
    ValueError
        If a box does not fit the raw array or the two boxes of an amplifier differ in shape.
    """
    image = np.zeros(assembled_shape(amplifiers), dtype=raw.dtype)
    for amplifier in amplifiers:
        pixels, target = placed(raw, image, amplifier)
        target[...] = pixels
    return image


def placed(
    raw: NDArray[_Kind], image: NDArray[_Kind], amplifier: Amplifier
) -> tuple[NDArray[_Kind], NDArray[_Kind]]:
    """Return views of an amplifier's pixels in the raw array, turned the right way round, and in the image.

    Raises
    ------
    ValueError
        If they do not fit.
    """
    pixels, target = raw[amplifier.data.slices], image[amplifier.trimmed.slices]
    if not pixels.shape == amplifier.data.shape == target.shape:
        raise ValueError(
            f"amplifier {amplifier.name}: {amplifier.data} of an array of {raw.shape} does not fit "
            f"{amplifier.trimmed}"
        )
    return pixels[:: -1 if amplifier.flip_y else 1, :: -1 if amplifier.flip_x else 1], target

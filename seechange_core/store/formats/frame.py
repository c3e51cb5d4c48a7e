"""Images with variance and mask."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from seechange_core.frames import Frame, Mask, Pixels
from seechange_core.store.formats.document import (
    add_cards,
    compressed_plane,
    fits_bytes,
    metadata_of,
    opened,
)
from seechange_core.store.formats.planes import mask_plane, noisy_plane, quiet_level, smooth_plane

IMAGE, VARIANCE, MASK = "IMAGE", "VARIANCE", "MASK"


def frame_bytes(frame: Frame) -> bytes:
    """Write a frame: extensions IMAGE (electron), VARIANCE (electron^2) and MASK."""
    metadata = {
        "info": dict(frame.info),
        "header": list(frame.header.items()),
        "noise_ratio": frame.noise_ratio,
    }
    return fits_bytes(
        frame_planes(frame.data, frame.variance, frame.mask, frame.noise_ratio, frame.header), metadata
    )


def read_frame(path: Path) -> Frame:
    """Read a frame back.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        metadata = metadata_of(hdus, path)
        data, variance, mask = (compressed_plane(hdus, name, path) for name in (IMAGE, VARIANCE, MASK))
    return Frame(data, variance, mask, metadata["info"], dict(metadata["header"]), metadata["noise_ratio"])


def frame_planes(data: Pixels, variance: Pixels, mask: Mask, noise_ratio: float, cards: Any) -> list[Any]:
    """Return the three extensions of an image, header cards on the first."""
    noise_electron = math.sqrt(quiet_level(variance)) * noise_ratio
    image = noisy_plane(IMAGE, data, noise_electron, "electron")
    add_cards(image, cards)
    return [image, smooth_plane(VARIANCE, variance, "electron2"), mask_plane(MASK, mask)]

"""Calibration images: bias, flat and others."""

from __future__ import annotations

from pathlib import Path

from seechange_core.frames import CalibrationFrame
from seechange_core.store.formats.document import (
    array_extension,
    extension,
    fits_bytes,
    metadata_of,
    native,
    opened,
)
from seechange_core.store.formats.planes import mask_plane

CALIBRATION, MASK = "CALIBRATION", "MASK"


def calibration_bytes(frame: CalibrationFrame) -> bytes:
    """Write a calibration image without loss: it enters every image of a night."""
    extensions = [array_extension(CALIBRATION, frame.data, "")]
    if frame.mask is not None:
        extensions.append(mask_plane(MASK, frame.mask))
    return fits_bytes(extensions, {"kind": frame.kind, "product_id": frame.product_id})


def read_calibration(path: Path) -> CalibrationFrame:
    """Read a calibration image back.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        metadata = metadata_of(hdus, path)
        data = native(extension(hdus, CALIBRATION, path).data)
        masked = any(hdu.name == MASK for hdu in hdus)
        mask = native(extension(hdus, MASK, path).data) if masked else None
    return CalibrationFrame(metadata["kind"], data, metadata["product_id"], mask)

"""Calibration files: images such as bias and flat, and tables such as crosstalk coefficients."""

from __future__ import annotations

from pathlib import Path

from seechange_core.frames import Calibration, CalibrationFrame, CalibrationTable, ColumnTable
from seechange_core.store.formats.document import (
    array_extension,
    compressed_plane,
    extension,
    fits_bytes,
    metadata_of,
    native,
    opened,
)
from seechange_core.store.formats.planes import mask_plane
from seechange_core.store.formats.tables import TABLE, table_columns, table_extension

CALIBRATION, MASK = "CALIBRATION", "MASK"


def calibration_bytes(calibration: Calibration) -> bytes:
    """Write calibration data without loss: they enter every image of a night."""
    metadata = {"kind": calibration.kind, "product_id": calibration.product_id}
    if isinstance(calibration, CalibrationTable):
        columns, text = table_extension(calibration.table)
        return fits_bytes([columns], {**metadata, "meta": calibration.table.meta, "text": text})
    extensions = [array_extension(CALIBRATION, calibration.data, "")]
    if calibration.mask is not None:
        extensions.append(mask_plane(MASK, calibration.mask))
    return fits_bytes(extensions, {**metadata, "noise": calibration.noise})


def read_calibration(path: Path) -> Calibration:
    """Read calibration data back.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        metadata = metadata_of(hdus, path)
        kind, identity = metadata["kind"], metadata["product_id"]
        if any(hdu.name == TABLE for hdu in hdus):
            columns = table_columns(extension(hdus, TABLE, path).data, metadata["text"])
            return CalibrationTable(kind, ColumnTable(columns, metadata["meta"]), identity)
        data = native(extension(hdus, CALIBRATION, path).data)
        masked = any(hdu.name == MASK for hdu in hdus)
        mask = compressed_plane(hdus, MASK, path) if masked else None
    return CalibrationFrame(kind, data, identity, mask, metadata.get("noise", 0.0))

"""Sky backgrounds."""

from __future__ import annotations

from pathlib import Path

from seechange_core.frames import BackgroundModel
from seechange_core.store.formats.document import (
    array_extension,
    extension,
    fits_bytes,
    metadata_of,
    native,
    opened,
)

LEVEL, RMS = "LEVEL", "RMS"


def background_bytes(background: BackgroundModel) -> bytes:
    """Write a background: extensions LEVEL and RMS (electron) on the mesh."""
    planes = [
        array_extension(LEVEL, background.level, "electron"),
        array_extension(RMS, background.rms, "electron"),
    ]
    numbers = {
        "box": background.box,
        "shape": background.shape,
        "mean_electron": background.mean_electron,
        "rms_electron": background.rms_electron,
    }
    return fits_bytes(planes, numbers)


def read_background(path: Path) -> BackgroundModel:
    """Read a background back.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        numbers = metadata_of(hdus, path)
        level, rms = (native(extension(hdus, name, path).data) for name in (LEVEL, RMS))
    (box_rows, box_columns), (rows, columns) = numbers["box"], numbers["shape"]
    return BackgroundModel(
        level,
        rms,
        (box_rows, box_columns),
        (rows, columns),
        numbers["mean_electron"],
        numbers["rms_electron"],
    )

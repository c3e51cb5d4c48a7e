"""Stamps as a table with array columns, one row a candidate."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from astropy.io import fits

from seechange_core.frames import Stamps
from seechange_core.store.formats.document import extension, fits_bytes, metadata_of, native, opened
from seechange_core.store.formats.tables import table_column

STAMPS = "STAMPS"
_UNITS = {"x": "pixel", "y": "pixel", "corner_x": "pixel", "corner_y": "pixel"}
_UNITS |= dict.fromkeys(("new", "ref", "difference"), "electron")
_UNITS["score"] = "sigma"


def stamps_bytes(stamps: Stamps) -> bytes:
    """Write stamps: columns x, y, corner_x, corner_y, and the images new, ref, difference, mask and, if cut, score."""
    columns = [
        table_column(field.name, getattr(stamps, field.name), _UNITS.get(field.name, ""))
        for field in fields(Stamps)
        if getattr(stamps, field.name) is not None
    ]
    hdu = fits.BinTableHDU.from_columns(columns, nrows=stamps.n_candidates, name=STAMPS)
    return fits_bytes([hdu], {"size": stamps.size})


def read_stamps(path: Path) -> Stamps:
    """Read stamps back.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        size = metadata_of(hdus, path)["size"]
        data = extension(hdus, STAMPS, path).data
        arrays = {name: native(data[name]) for name in data.names}
    for name in arrays.keys() & {"new", "ref", "difference", "mask", "score"}:
        arrays[name] = arrays[name].reshape(-1, size, size)
    return Stamps(**arrays)

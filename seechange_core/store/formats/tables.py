"""Tables of sources, detections, measurements and stars as FITS binary tables."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from astropy.io import fits

from seechange_core.frames import ColumnTable
from seechange_core.store.formats.document import extension, fits_bytes, metadata_of, native, opened

TABLE = "TABLE"
_FORMATS = {"f8": "D", "f4": "E", "i8": "K", "i4": "J", "i2": "I", "u1": "B", "b1": "L"}
_UNSIGNED = {"u2": ("I", 1 << 15), "u4": ("J", 1 << 31)}
AnyTable = TypeVar("AnyTable", bound=ColumnTable)


def table_bytes(table: ColumnTable) -> bytes:
    """Write a table, its declared units and meanings as cards; text is UTF-8.

    Raises
    ------
    TypeError
        If a column has a type that FITS has not.
    """
    hdu, text = table_extension(table)
    return fits_bytes([hdu], {"class": type(table).__name__, "meta": table.meta, "text": text})


def table_extension(table: ColumnTable) -> tuple[fits.BinTableHDU, list[str]]:
    """Return the extension that holds a table, and which of its columns are text."""
    meanings = {name: meaning for name, (_, _, meaning) in table.COLUMNS.items()}
    columns = [table_column(name, values, table.unit(name)) for name, values in table.items()]
    hdu = fits.BinTableHDU.from_columns(columns, nrows=table.n_rows, name=TABLE)
    for number, name in enumerate(table, start=1):
        if meanings.get(name):
            hdu.header[f"TCOMM{number}"] = meanings[name]
    return hdu, [name for name, values in table.items() if values.dtype.kind == "U"]


def table_columns(data: Any, text: Collection[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the columns of an extension as native arrays; `text` names those that are text."""
    return {name: _values(data[name], name in text) for name in data.names}


def read_table(path: Path, table_class: type[AnyTable]) -> AnyTable:
    """Read a table back as an instance of its class.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated, or holds a table of another class.
    """
    with opened(path) as hdus:
        metadata = metadata_of(hdus, path)
        if metadata["class"] != table_class.__name__:
            raise TypeError(f"it holds a {metadata['class']}, not a {table_class.__name__}")
        data = extension(hdus, TABLE, path).data
        columns = table_columns(data, metadata["text"])
    return table_class(columns, metadata["meta"])


def read_table_meta(path: Path) -> dict[str, Any]:
    """Read what belongs to a table as a whole, without its columns.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        meta: dict[str, Any] = metadata_of(hdus, path)["meta"]
    return meta


def reader_of(table_class: type[AnyTable]) -> partial[AnyTable]:
    """Return the function that reads tables of one class from a path."""
    return partial(read_table, table_class=table_class)


def table_column(name: str, values: np.ndarray[Any, Any], unit: str = "") -> fits.Column:
    """Return a FITS column for an array whose first axis is the row."""
    cell = values.shape[1:]
    repeat = int(np.prod(cell, dtype=int))
    dim = f"({','.join(str(side) for side in reversed(cell))})" if len(cell) > 1 else None
    if values.dtype.kind == "U" and not cell:
        encoded = np.char.encode(values, "utf-8")
        return fits.Column(
            name=name, format=f"{max(1, encoded.dtype.itemsize)}A", array=encoded, unit=unit or None
        )
    code = values.dtype.str[1:]
    if code in _UNSIGNED:
        letter, zero = _UNSIGNED[code]
        return fits.Column(
            name=name, format=f"{repeat}{letter}", bzero=zero, array=values, unit=unit or None, dim=dim
        )
    if code not in _FORMATS:
        raise TypeError(f"column {name}: numbers of type {values.dtype} cannot be stored; use another type")
    return fits.Column(
        name=name, format=f"{repeat}{_FORMATS[code]}", array=values, unit=unit or None, dim=dim
    )


def _values(column: Any, text: bool) -> np.ndarray[Any, Any]:
    if text:
        # A FITS file gives text as ASCII; its bytes are UTF-8.
        raw = np.asarray(column)
        return np.char.decode(raw, "utf-8") if raw.dtype.kind == "S" else raw
    return native(column)

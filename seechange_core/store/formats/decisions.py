"""Decisions as one compressed value of a row.

What zlib unpacks is a line of JSON, ``{"rows": n, "columns": [[name, type], ...], "meta": {...}}``, and after it the
columns one after the other, as little-endian numbers of those numpy types.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from seechange_core.errors import StoreError
from seechange_core.frames import DecisionTable


def decisions_bytes(decisions: DecisionTable) -> bytes:
    """Pack a table of decisions; equal tables give equal bytes."""
    columns = {name: values.astype(values.dtype.newbyteorder("<")) for name, values in decisions.items()}
    heading = {
        "rows": decisions.n_rows,
        "columns": [[name, values.dtype.str] for name, values in columns.items()],
        "meta": decisions.meta,
    }
    line = json.dumps(heading, sort_keys=True).encode() + b"\n"
    return zlib.compress(line + b"".join(values.tobytes() for values in columns.values()))


def read_decisions(packed: bytes) -> DecisionTable:
    """Unpack a table of decisions.

    Raises
    ------
    StoreError
        If the bytes are not such a table.
    """
    try:
        line, _, numbers = zlib.decompress(packed).partition(b"\n")
        heading = json.loads(line)
        return DecisionTable(_columns(heading, numbers), heading["meta"])
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"stored decisions are damaged ({error}); delete the product and process again"
        ) from error


def _columns(heading: Mapping[str, Any], numbers: bytes) -> dict[str, np.ndarray[Any, Any]]:
    columns, start = {}, 0
    for name, code in heading["columns"]:
        dtype = np.dtype(code)
        values = np.frombuffer(numbers, dtype, heading["rows"], start)
        columns[name] = values.astype(dtype.newbyteorder("="))
        start += values.nbytes
    return columns

"""Orbits of asteroids, as the Minor Planet Center and JPL publish them."""

from __future__ import annotations

import csv
import gzip
import logging
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import InputError
from seechange_core.frames import OrbitTable

logger = logging.getLogger(__name__)

_BLOCK = 50_000
_DEFAULT_SLOPE = 0.15
#: What a line of MPCORB has in which columns, from 0 (https://www.minorplanetcenter.net/iau/info/MPOrbitFormat.html).
_MPC_COLUMNS = {
    "absolute_magnitude": (8, 13),
    "slope": (14, 19),
    "mean_anomaly": (26, 35),
    "perihelion": (37, 46),
    "node": (48, 57),
    "inclination": (59, 68),
    "eccentricity": (70, 79),
    "semi_major_axis": (92, 103),
}
_MPC_EPOCH, _MPC_PACKED, _MPC_READABLE = (20, 25), (0, 7), (166, 194)
_MPC_LEAST, _MPC_WIDTH = 103, 194
_CENTURIES = {"I": 1800, "J": 1900, "K": 2000}
_ORDINAL_OF_MJD_0 = date(1858, 11, 17).toordinal()
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
#: Names of JPL's small-body database (https://ssd-api.jpl.nasa.gov/doc/sbdb_query.html).
_JPL_COLUMNS = {
    "epoch_mjd": "epoch_mjd",
    "semi_major_axis": "a",
    "eccentricity": "e",
    "inclination": "i",
    "node": "om",
    "perihelion": "w",
    "mean_anomaly": "ma",
    "absolute_magnitude": "H",
    "slope": "G",
}
_JPL_NAMES = ("full_name", "name", "pdes")
#: May be absent or blank.
_OPTIONAL = {"absolute_magnitude": np.nan, "slope": _DEFAULT_SLOPE}


def orbit_blocks(path: Path) -> Iterator[OrbitTable]:
    """Read a file of orbits in pieces: MPCORB's format, or a table whose name ends in ``.csv``; ``.gz`` is unpacked.

    Orbits that are no ellipses are left out.

    Raises
    ------
    InputError
        If the file cannot be read or is no such file; names line and column.
    """
    names = path.name.lower().removesuffix(".gz")
    blocks = _csv_blocks if names.endswith(".csv") else _mpc_blocks
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            yield from blocks(cast(BinaryIO, file), path)
    except (OSError, EOFError) as error:
        raise InputError(f"orbits: {path} cannot be read: {error} (surroundings.orbits)") from error


def _mpc_blocks(file: BinaryIO, path: Path) -> Iterator[OrbitTable]:
    numbered = enumerate((line.rstrip() for line in file), start=1)
    found_any = False
    while chunk := list(islice(numbered, _BLOCK)):
        rules = [place for place, (_, line) in enumerate(chunk) if line.startswith(b"-----")]
        if rules and not found_any:
            chunk = chunk[rules[0] + 1 :]
        lines = [(number, line) for number, line in chunk if line]
        if lines:
            found_any = True
            yield _ellipses(_mpc_columns(lines, path), path)
    if not found_any:
        raise InputError(f"orbits: {path} has no orbits (surroundings.orbits)")


def _mpc_columns(lines: Sequence[tuple[int, bytes]], path: Path) -> dict[str, Any]:
    for number, line in lines:
        if len(line) < _MPC_LEAST:
            raise InputError(
                f"orbits: line {number} of {path} has {len(line)} characters and ends before the elements do: it is"
                " truncated, or no MPCORB file; a table needs a name that ends in .csv (surroundings.orbits)"
            )
    cells = np.array([line for _, line in lines], f"S{_MPC_WIDTH}").view("S1").reshape(-1, _MPC_WIDTH)

    def text(start: int, stop: int) -> NDArray[np.bytes_]:
        return np.char.strip(np.ascontiguousarray(cells[:, start:stop]).view(f"S{stop - start}")[:, 0])

    numbers = [number for number, _ in lines]
    columns: dict[str, Any] = {
        name: _floats(text(*place), name, numbers, path) for name, place in _MPC_COLUMNS.items()
    }
    packed, which = np.unique(text(*_MPC_EPOCH), return_inverse=True)
    epochs = np.array([_mpc_epoch(value.decode("latin-1")) for value in packed])
    _check(np.isfinite(epochs[which]), text(*_MPC_EPOCH), "epoch", numbers, path)
    columns["epoch_mjd"] = epochs[which]
    readable = text(*_MPC_READABLE)
    columns["name"] = np.char.decode(np.where(readable == b"", text(*_MPC_PACKED), readable), "latin-1")
    return columns


def _mpc_epoch(packed: str) -> float:
    """Return the MJD of a packed date such as K25BL; NaN if it is none."""
    try:
        year = _CENTURIES[packed[0]] + int(packed[1:3])
        month, day = _DIGITS.index(packed[3]), _DIGITS.index(packed[4])
        return float(date(year, month, day).toordinal() - _ORDINAL_OF_MJD_0)
    except (KeyError, ValueError, IndexError):
        return float("nan")


def _csv_blocks(file: BinaryIO, path: Path) -> Iterator[OrbitTable]:
    try:
        rows = csv.reader(line.decode("utf-8") for line in file)
        header = [name.strip() for name in next(rows, [])]
        wanted = {name: jpl for name, jpl in _JPL_COLUMNS.items() if jpl in header or name not in _OPTIONAL}
        missing = [jpl for jpl in wanted.values() if jpl not in header]
        named = next((name for name in _JPL_NAMES if name in header), None)
        if missing or named is None:
            lacks = missing + ([] if named else [" or ".join(_JPL_NAMES)])
            raise InputError(
                f"orbits: {path} has no column {', '.join(lacks)}; its first line names the columns as JPL's small-body"
                " database does (surroundings.orbits)"
            )
        numbered = ((rows.line_num, row) for row in rows if row)
        found_any = False
        while chunk := list(islice(numbered, _BLOCK)):
            found_any = True
            yield _ellipses(_csv_columns(chunk, header, wanted, named, path), path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"orbits: {path} is no CSV table: {error} (surroundings.orbits)") from error
    if not found_any:
        raise InputError(f"orbits: {path} has no orbits (surroundings.orbits)")


def _csv_columns(
    chunk: Sequence[tuple[int, list[str]]],
    header: Sequence[str],
    wanted: dict[str, str],
    named: str,
    path: Path,
) -> dict[str, Any]:
    for number, row in chunk:
        if len(row) != len(header):
            raise InputError(
                f"orbits: line {number} of {path} has {len(row)} columns, the first line {len(header)}"
                " (surroundings.orbits)"
            )
    numbers = [number for number, _ in chunk]

    def text(jpl: str) -> NDArray[np.bytes_]:
        place = header.index(jpl)
        return np.char.strip(np.char.encode(np.array([row[place] for _, row in chunk]), "utf-8"))

    columns: dict[str, Any] = {name: _floats(text(jpl), name, numbers, path) for name, jpl in wanted.items()}
    for name, missing in _OPTIONAL.items():
        columns.setdefault(name, np.full(len(chunk), missing))
    columns["name"] = np.char.decode(text(named), "utf-8")
    return columns


def _floats(text: NDArray[np.bytes_], name: str, numbers: Sequence[int], path: Path) -> NDArray[np.float64]:
    blank = text == b""
    if name in _OPTIONAL:
        text = np.where(blank, str(_OPTIONAL[name]).encode(), text)
    else:
        _check(~blank, text, name, numbers, path)
    try:
        return text.astype(np.float64)
    except ValueError:
        _check(np.array([_is_number(value) for value in text]), text, name, numbers, path)
        raise


def _is_number(value: bytes) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _check(
    good: NDArray[np.bool_], text: NDArray[np.bytes_], name: str, numbers: Sequence[int], path: Path
) -> None:
    if not good.all():
        row = int(np.argmin(good))
        raise InputError(
            f"orbits: line {numbers[row]} of {path}: {text[row].decode('latin-1')!r} is no {name.replace('_', ' ')}"
            " (surroundings.orbits)"
        )


def _ellipses(columns: dict[str, Any], path: Path) -> OrbitTable:
    orbits = OrbitTable(columns)
    good = (orbits["eccentricity"] >= 0) & (orbits["eccentricity"] < 1) & (orbits["semi_major_axis"] > 0)
    good &= np.all([np.isfinite(orbits[name]) for name in _JPL_COLUMNS if name not in _OPTIONAL], axis=0)
    if not good.all():
        logger.info("%s: %d orbits are no ellipses and are left out", path, np.count_nonzero(~good))
    return orbits.rows(good)

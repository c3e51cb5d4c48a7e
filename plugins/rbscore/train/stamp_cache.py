"""Labelled candidates of many scenes, each kept in a file of its own so that an interrupted run goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import Rejected
from seechange_core.frames import MeasurementTable, Stamps

#: Makes the candidates of one scene.
Maker = Callable[[], tuple[Stamps, MeasurementTable]]


def made_or_read(path: Path, make: Maker) -> tuple[Stamps, MeasurementTable] | None:
    """Return the candidates of a scene, from its file if there is one; None if its pair was rejected."""
    if not path.exists():
        try:
            stamps, measurements = make()
        except Rejected:
            stamps, measurements = None, None
        _write(path, stamps, measurements)
    with np.load(path) as file:
        if not file.files:
            return None
        columns = {name: file[name] for name in file.files}
    prefix = "stamps_"
    own = {name: columns.pop(name) for name in list(columns) if name.startswith(prefix)}
    return Stamps(**{name.removeprefix(prefix): values for name, values in own.items()}), _table(columns)


def together(parts: Iterable[tuple[Stamps, MeasurementTable] | None]) -> tuple[Stamps, MeasurementTable]:
    """Return the candidates of several scenes as one set; scenes that were rejected are left out."""
    known = [part for part in parts if part is not None]
    stamps = Stamps.joined([stamps for stamps, _ in known])
    names = [name for name in known[0][1] if all(name in table for _, table in known)]
    columns = {name: np.concatenate([table[name] for _, table in known]) for name in names}
    return stamps, _table(columns)


def _table(columns: dict[str, NDArray[Any]]) -> MeasurementTable:
    """Return measurements; what older ones lack is unknown."""
    n = len(columns["x"])
    missing = {
        name: np.full(n, np.nan) if np.issubdtype(dtype, np.floating) else np.zeros(n, dtype)
        for name, (dtype, _, _) in MeasurementTable.COLUMNS.items()
    }
    return MeasurementTable({**missing, **columns})


def _write(path: Path, stamps: Stamps | None, measurements: MeasurementTable | None) -> None:
    columns = {}
    if stamps is not None and measurements is not None:
        columns = {name: measurements[name] for name in measurements}
        planes = {column.name: getattr(stamps, column.name) for column in fields(Stamps)}
        columns |= {f"stamps_{name}": values for name, values in planes.items() if values is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(temporary, **columns)
    temporary.rename(path)

"""The tables of the database as text, from the models and their docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from restructured_text import list_table
from sqlalchemy import Column, Enum

from seechange_core.frames import MeasurementTable, SurroundingsTable
from seechange_core.models import Base

#: Tables whose columns are those of a table in memory.
_IN_MEMORY = {"measurements": MeasurementTable, "surroundings": SurroundingsTable}
_FIXED = {"id": "primary key", "created_at": "when the row was written (UTC)"}
# What a name ends in says the unit.
_UNITS = {
    "mjd": "MJD (UTC)", "_arcsec": "arcsec", "_deg": "deg", "_electron": "electron", "_pixel": "pixel",
    "exposure_s": "second", "_mas": "mas", "_adu": "ADU", "magnitude": "mag AB", "ra": "deg", "dec": "deg",
}  # fmt: skip


def tables() -> Iterator[tuple[str, str]]:
    """Yield the name of each table, in alphabetical order, and what it holds."""
    models = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    for name, model in sorted(models.items()):
        about = _prose(inspect.getdoc(model) or "")
        meanings = _meanings(model)
        rows = [
            (f"``{column.name}``", _type(column), meanings.get(column.name, "") or _unit(column.name))
            for column in model.__table__.columns
        ]
        yield f"``{name}``", f"{about}\n\n{list_table(('column', 'type', 'meaning'), rows)}"


def _prose(docstring: str) -> str:
    return re.split(r"\n+(?:Attributes|Parameters)\n-+\n", docstring)[0]


def _meanings(model: type[Any]) -> dict[str, str]:
    """Return what the docstrings of a model and of its mixed-in parts say of columns."""
    found = dict(_FIXED)
    if model.__tablename__ in _IN_MEMORY:
        found |= {
            name: f"{meaning} ({unit})" if unit else meaning
            for name, (_, unit, meaning) in _IN_MEMORY[model.__tablename__].COLUMNS.items()
        }
    for part in reversed(model.__mro__):
        docstring = inspect.cleandoc(part.__dict__.get("__doc__") or "")
        _, _, listed = docstring.partition("Attributes\n----------\n")
        for entry in re.finditer(r"^(\S[^\n:]*?)(?: :[^\n]*)?\n((?:    [^\n]*\n?)+)", listed, re.MULTILINE):
            text = " ".join(entry[2].split())
            found |= dict.fromkeys((name.strip() for name in entry[1].split(",")), text)
    return found


def _type(column: Column[Any]) -> str:
    kind = column.type
    name = "text" if isinstance(kind, Enum) else type(kind).__name__
    name = {"FiniteFloat": "float", "UtcTime": "time", "BigInteger": "bigint", "Uuid": "UUID"}.get(name, name)
    parts = [name if name in ("JSON", "UUID") else name.lower()]
    if isinstance(kind, Enum):
        parts = [" | ".join(f"``{value}``" for value in kind.enums)]
    parts += ["or NULL"] if column.nullable else []
    parts += [f"→ ``{key.target_fullname}``" for key in column.foreign_keys]
    return " ".join(parts)


def _unit(name: str) -> str:
    return next((unit for ending, unit in _UNITS.items() if name == ending or name.endswith(ending)), "")

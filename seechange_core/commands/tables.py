"""Prints rows for people or machines."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import click

#: Decimals of columns in which six digits are not enough: 0.04 arcsec, 0.9 s.
_DECIMALS = {"ra": 5, "dec": 5, "mjd": 5}

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Ids are cut to what tells them apart, but not shorter; commands take them like that.
_FEWEST_DIGITS = 8


def print_rows(rows: Sequence[dict[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Print rows as a table with a heading, or as JSON; without rows say so in words."""
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
        return
    if not rows:
        click.echo(nothing)
        return
    heading = list(rows[0])
    columns = [_column(name, [row[name] for row in rows]) for name in heading]
    cells = [list(line) for line in zip(*columns, strict=True)]
    widths = [max(len(line[column]) for line in [heading, *cells]) for column in range(len(heading))]
    for line in [heading, *cells]:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _column(name: str, values: Sequence[Any]) -> list[str]:
    cells = [_cell(value, _DECIMALS.get(name)) for value in values]
    ids = {cell for cell in cells if _ID.fullmatch(cell)}
    digits = next(
        (digits for digits in range(_FEWEST_DIGITS, 36) if len({one[:digits] for one in ids}) == len(ids)), 36
    )
    return [cell[:digits] if cell in ids else cell for cell in cells]


def _cell(value: Any, decimals: int | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        if decimals is not None:
            return f"{value:.{decimals}f}"
        return f"{value:.6g}" if abs(value) < 1000 else f"{value:.4f}"
    return str(value)

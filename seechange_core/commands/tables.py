"""Prints rows for people or machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

#: Decimals of columns in which six digits are not enough: 0.04 arcsec, 0.9 s.
_DECIMALS = {"ra": 5, "dec": 5, "mjd": 5}


def print_rows(rows: Sequence[dict[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Print rows as a table with a heading, or as JSON; without rows say so in words."""
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
        return
    if not rows:
        click.echo(nothing)
        return
    cells = [[_cell(value, _DECIMALS.get(name)) for name, value in row.items()] for row in rows]
    heading = list(rows[0])
    widths = [max(len(line[column]) for line in [heading, *cells]) for column in range(len(heading))]
    for line in [heading, *cells]:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any, decimals: int | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        if decimals is not None:
            return f"{value:.{decimals}f}"
        return f"{value:.6g}" if abs(value) < 1000 else f"{value:.4f}"
    return str(value)

"""Pieces of reStructuredText."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def section(title: str, text: str, underline: str = "-") -> str:
    """Return a titled section."""
    return f"{title}\n{underline * len(title)}\n\n{text}\n"


def list_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with one line of heading; empty if there are no rows."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    body = list(rows)
    for row in [heading, *body]:
        for number, cell in enumerate(row):
            lines.append(f"   {'*' if number == 0 else ' '} - {cell}".rstrip())
    return "\n".join([*lines, ""]) if body else ""

"""Directives that write reference pages from the code: parameters, tables of the database, columns, bits.

``.. parameters::``, ``.. database-tables::``, ``.. table-columns:: SourceTable`` and ``.. bits:: mask`` or ``badness``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from database_tables import tables
from docutils import nodes
from parameters import parameter_sections
from restructured_text import list_table, section
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from seechange_core import frames
from seechange_core.frames.mask import MASK_MEANINGS, UNUSABLE
from seechange_core.models import Badness


class Parameters(SphinxDirective):
    """All parameters of a profile, with default, bounds and unit."""

    def run(self) -> list[nodes.Node]:
        """Return one section a block of the profile."""
        return self.parse_text_to_nodes(parameter_sections(), allow_section_headings=True)


class DatabaseTables(SphinxDirective):
    """All tables of the database, with the type and the meaning of every column."""

    def run(self) -> list[nodes.Node]:
        """Return one section a table."""
        return self.parse_text_to_nodes(
            "\n".join(section(name, text) for name, text in tables()), allow_section_headings=True
        )


class TableColumns(SphinxDirective):
    """The declared columns of a table in memory."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return one table."""
        declared = getattr(frames, self.arguments[0]).COLUMNS
        rows = [(f"``{name}``", unit or "", meaning) for name, (_, unit, meaning) in declared.items()]
        return _table(self, ("column", "unit", "meaning"), rows)


class Bits(SphinxDirective):
    """Bits with their numbers: planes of the mask, or badness."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return one table."""
        if self.arguments[0] == "mask":
            rows = [
                (str(int(plane)), f"``{plane.name}``", "no" if plane & UNUSABLE else "yes", meaning)
                for plane, meaning in MASK_MEANINGS.items()
            ]
            return _table(self, ("value", "plane", "pixel is used", "meaning"), rows)
        return _table(self, ("value", "flag"), [(str(int(flag)), f"``{flag.name}``") for flag in Badness])


def _table(
    directive: SphinxDirective, heading: Sequence[str], rows: Iterable[Sequence[str]]
) -> list[nodes.Node]:
    return directive.parse_text_to_nodes(list_table(heading, rows))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("parameters", Parameters)
    app.add_directive("database-tables", DatabaseTables)
    app.add_directive("table-columns", TableColumns)
    app.add_directive("bits", Bits)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

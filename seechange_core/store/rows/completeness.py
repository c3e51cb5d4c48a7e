"""Rows of how complete searches are."""

from __future__ import annotations

from collections.abc import Sequence

from seechange_core.frames import CompletenessTable
from seechange_core.models import Base, Completeness, row_id
from seechange_core.store.rows.saving import Saving


def completeness_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return one row an environment and stage."""
    table: CompletenessTable = saving.outputs["completeness"]
    columns = {name: table[name].tolist() for name in table.COLUMNS}
    rows = [
        Completeness(
            id=row_id(saving.record.product_id, number),
            product_id=saving.id,
            image_id=saving.input_id("difference"),
            flux_unit=table.meta["flux_unit"],
            **{name: values[number] for name, values in columns.items()},
        )
        for number in range(table.n_rows)
    ]
    return [rows]

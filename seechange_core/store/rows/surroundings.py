"""Rows of what is near candidates."""

from __future__ import annotations

from collections.abc import Sequence

from seechange_core.frames import SurroundingsTable
from seechange_core.models import Base, Surroundings, row_id
from seechange_core.store.rows.saving import Saving


def surroundings_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return one row a candidate."""
    table: SurroundingsTable = saving.outputs["surroundings"]
    measured = saving.record.inputs["measurements"]
    columns = {name: table[name].tolist() for name in SurroundingsTable.COLUMNS}
    rows = [
        Surroundings(
            id=row_id(saving.record.product_id, number),
            product_id=saving.id,
            measurement_id=row_id(measured, number),
            flux_unit=table.meta["flux_unit"],
            galaxies=table.meta["galaxies"],
            **{name: values[number] for name, values in columns.items()},
        )
        for number in range(table.n_rows)
    ]
    return [rows]

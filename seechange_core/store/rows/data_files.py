"""Rows of files that no table of the field holds."""

from __future__ import annotations

from collections.abc import Collection

from seechange_core.models import DataFile, row_id
from seechange_core.store.rows.saving import Saving


def data_file_rows(saving: Saving, with_table: Collection[str]) -> list[DataFile]:
    """Return the rows of a product's files, but for roles whose table has a place for its file."""
    return [
        DataFile(
            id=row_id(f"{saving.record.product_id}:{role}"),
            product_id=saving.id,
            role=role,
            **stored.columns(),
        )
        for role, stored in saving.files.items()
        if role not in with_table
    ]

"""Rows of files that no table of the field holds."""

from __future__ import annotations

from seechange_core.models import DataFile, row_id
from seechange_core.store.rows.saving import Saving


def data_file(saving: Saving, role: str) -> DataFile:
    """Return the row of a product's file by its role."""
    identity = f"{saving.record.product_id}:{role}"
    return DataFile(id=row_id(identity), product_id=saving.id, role=role, **saving.files[role].columns())

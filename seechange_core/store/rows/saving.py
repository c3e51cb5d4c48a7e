"""What the rows of a product are built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from seechange_core.models import row_id
from seechange_core.store.files import StoredFile
from seechange_core.store.record import ProductRecord


@dataclass(frozen=True)
class Saving:
    """A product on its way into the database.

    Parameters
    ----------
    record : ProductRecord
        What identifies it.
    outputs : mapping
        Its in-memory products by role.
    inputs : mapping
        The in-memory products that it was made from, by role.
    files : mapping
        The files of its outputs by role.
    reference_image_id : UUID or None
        Primary key of the image of the reference, where one went in.
    upstream_badness : int
        Flags inherited from the inputs.
    """

    record: ProductRecord
    outputs: Mapping[str, Any]
    inputs: Mapping[str, Any]
    files: Mapping[str, StoredFile]
    reference_image_id: UUID | None = None
    upstream_badness: int = 0

    @property
    def id(self) -> UUID:
        """Primary key of the product."""
        return row_id(self.record.product_id)

    def input_id(self, role: str) -> UUID:
        """Return the primary key of the product that filled a role."""
        return row_id(self.record.inputs[role])

    def of_role(self, role: str) -> Any:
        """Return an in-memory product that went in or came out."""
        return self.outputs[role] if role in self.outputs else self.inputs[role]

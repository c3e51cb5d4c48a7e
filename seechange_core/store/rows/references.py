"""Rows of references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from seechange_core.frames import SkyMapping
from seechange_core.models import Base, Reference, RefSet, row_id
from seechange_core.store.rows.saving import Saving
from seechange_core.store.rows.sky import footprint_columns


@dataclass(frozen=True)
class ReferencePlacement:
    """Which set a reference belongs to and which piece of sky it covers.

    Parameters
    ----------
    reference_set : str
        Name; the set is made if it is new.
    mapping : SkyMapping
        Of its image.
    shape : tuple of int
        Rows and columns of its image.
    """

    reference_set: str
    mapping: SkyMapping
    shape: tuple[int, int]


def reference_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of a reference, which shares the primary key of its product, and of its set."""
    placement: ReferencePlacement = saving.outputs["reference"]
    observation = saving.record.observation
    refset = RefSet(id=refset_id(placement.reference_set), name=placement.reference_set)
    reference = Reference(
        id=saving.id,
        identity=saving.record.product_id,
        refset_id=refset.id,
        image_id=saving.input_id("image"),
        source_list_id=saving.input_id("sources"),
        instrument=observation.instrument,
        filter=observation.filter,
        sky_cell=observation.sky_cell or "",
        **footprint_columns(placement.mapping, placement.shape),
    )
    return [[refset], [reference]]


def refset_id(name: str) -> UUID:
    """Return the primary key of a set of references."""
    return row_id(f"refset:{name}")

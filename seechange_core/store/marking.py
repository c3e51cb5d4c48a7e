"""Marking data as bad, with everything that was made from them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from functools import reduce
from graphlib import TopologicalSorter
from operator import or_

from sqlalchemy import CTE, select, union_all, update
from sqlalchemy.orm import Session

from seechange_core.errors import StoreError
from seechange_core.models import Badness, Exposure, Measurements, Product, ProductInput
from seechange_core.store.lineage import made_from

_FLAGGED = (Product, Exposure)


def set_badness(session: Session, row: uuid.UUID, flags: Badness) -> int:
    """Set what is wrong with a product or an exposure, and tell everything made from it.

    Parameters
    ----------
    session : Session
        From `Database.write`.
    row : UUID
        Its primary key.
    flags : Badness
        All its own flags from now on; none clears them.

    Returns
    -------
    int
        How many products are made from it.

    Raises
    ------
    StoreError
        If there is no such row.
    """
    found = [table for table in _FLAGGED if session.get(table, row) is not None]
    if not found:
        raise StoreError(f"no product or exposure has the key {row}")
    for table in found:
        session.execute(update(table).where(table.id == row).values(badness=int(flags)))
    made = made_from([row])
    inherited = _inherited(session, made)
    if inherited:
        changes = [{"id": product, "upstream_badness": value} for product, value in inherited.items()]
        session.execute(update(Product), changes)
    _copy_to_measurements(session, row, made)
    return len(inherited)


def _inherited(session: Session, made: CTE) -> dict[uuid.UUID, int]:
    """Work out the flags that products inherit, those of their inputs before their own."""
    edges = select(ProductInput.product_id, ProductInput.input_id).where(
        ProductInput.product_id.in_(select(made.c.id))
    )
    inputs: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
    for product, source in session.execute(edges):
        inputs[product].add(source)
    sources = edges.with_only_columns(ProductInput.input_id)
    flags = union_all(
        *(
            select(table.id, table.badness, table.upstream_badness).where(table.id.in_(sources))
            for table in _FLAGGED
        )
    )
    own: dict[uuid.UUID, int] = {}
    inherited: dict[uuid.UUID, int] = {}
    for source, its_own, its_inherited in session.execute(flags):
        own[source] = own.get(source, 0) | its_own
        inherited[source] = inherited.get(source, 0) | its_inherited
    for product in TopologicalSorter(inputs).static_order():
        if product in inputs:
            told = (own.get(source, 0) | inherited.get(source, 0) for source in inputs[product])
            inherited[product] = reduce(or_, told)
    return {product: inherited[product] for product in inputs}


def _copy_to_measurements(session: Session, row: uuid.UUID, made: CTE) -> None:
    """Repeat the flags of measuring products in their measurements, so that a light curve can leave them out."""
    flags = select(Product.badness.bitwise_or(Product.upstream_badness)).where(
        Product.id == Measurements.product_id
    )
    touched = Measurements.product_id.in_(select(made.c.id)) | (Measurements.product_id == row)
    session.execute(
        update(Measurements)
        .where(touched)
        .values(upstream_badness=flags.scalar_subquery())
        .execution_options(synchronize_session=False)
    )

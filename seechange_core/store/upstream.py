"""What a product inherits from what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce

from sqlalchemy import ColumnElement, func, select, union_all

from seechange_core.models import Badness, Exposure, Product, row_id
from seechange_core.store.given_keys import given

_FLAGGED = (Product, Exposure)


def inherited_badness(identities: Iterable[str]) -> ColumnElement[int] | int:
    """Return an expression for the flags (`models.Badness`) of all inputs, their own and what those inherited."""
    keys = [row_id(identity) for identity in identities]
    if not keys:
        return 0
    flags = union_all(
        *(
            select(table.badness.bitwise_or(table.upstream_badness).label("value")).where(
                table.id.in_(given(keys))
            )
            for table in _FLAGGED
        )
    ).subquery()
    # No function that all databases have combines the bits of many rows.
    bits: Iterator[ColumnElement[int]] = (
        func.coalesce(func.max(flags.c.value.bitwise_and(int(flag))), 0) for flag in Badness
    )
    combined: ColumnElement[int] = reduce(lambda one, other: one.bitwise_or(other), bits)
    return select(combined).scalar_subquery()

"""What was made from what."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable

from sqlalchemy import CTE, Select, select, union

from seechange_core.models import Product, ProductInput
from seechange_core.store.given_keys import given


def made_from(rows: Iterable[uuid.UUID]) -> CTE:
    """Return a query, with the only column ``id``, of all products made from something, directly or not.

    Parameters
    ----------
    rows : iterable of UUID
        Primary keys of products, exposures or excerpts; they are not in the result.
    """
    direct = select(ProductInput.product_id.label("id")).where(ProductInput.input_id.in_(given(rows)))
    made = direct.cte("made", recursive=True)
    return made.union(select(ProductInput.product_id).where(ProductInput.input_id == made.c.id))


def with_all_made_from(rows: Collection[uuid.UUID]) -> Select[uuid.UUID]:
    """Return a query for the keys of those of the rows that are products, and of all products made from them."""
    made = made_from(rows)
    own = select(Product.id).where(Product.id.in_(given(rows)))
    return union(own, select(made.c.id)).subquery().select()

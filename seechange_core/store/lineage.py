"""What was made from what."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import CTE, select

from seechange_core.models import ProductInput
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

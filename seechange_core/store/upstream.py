"""What a product inherits from what it was made from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from seechange_core.models import Exposure, Product, row_id

_FLAGGED = (Product, Exposure)


def inherited_badness(session: Session, identities: Iterable[str]) -> int:
    """Return the flags (`models.Badness`) of all inputs together, their own and what those inherited."""
    keys = [row_id(identity) for identity in identities]
    if not keys:
        return 0
    flags = union_all(
        *(select(table.badness, table.upstream_badness).where(table.id.in_(keys)) for table in _FLAGGED)
    )
    return reduce(or_, (own | inherited for own, inherited in session.execute(flags)), 0)

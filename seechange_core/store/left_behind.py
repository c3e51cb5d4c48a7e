"""Exposures that a tag no longer shows because it names other provenances now."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from seechange_core.models import Product
from seechange_core.store.database import Database


def n_exposures_left_behind(database: Database, before: Collection[str], now: Collection[str]) -> int:
    """Count the exposures of which a section has products that are no longer named, and none in their place.

    Parameters
    ----------
    before : collection of str
        Ids of provenances that a tag has ceased to name.
    now : collection of str
        Ids of the provenances of the processing that it follows. What that rejected is in the place of all that
        would have come after it.
    """
    old, new = aliased(Product), aliased(Product)
    replaced = exists().where(
        new.exposure_id == old.exposure_id,
        new.place == old.place,
        new.provenance_id.in_(now),
        or_(new.process == old.process, new.state == "rejected"),
    )
    left = and_(old.provenance_id.in_(before), old.state == "done", ~replaced)
    with database.read() as session:
        return session.scalars(select(func.count(old.exposure_id.distinct())).where(left)).one()

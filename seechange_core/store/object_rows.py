"""What is written of objects whenever their measurements change: names and positions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Select, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from seechange_core.models import Measurements, Object, ObjectCounter, Product
from seechange_core.models.sky_index import sky_index
from seechange_core.store.given_keys import given
from seechange_core.store.latest import latest, same_work


def next_numbers(session: Session, year: int, count: int) -> range:
    """Take numbers that no other object of a year has, nor ever gets.

    Other writers who ask for the same year wait until the transaction ends, so numbers are given without gaps.
    """
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    taken = dialect.insert(ObjectCounter).values(year=year, last=count)
    more = {"last": ObjectCounter.last + taken.excluded.last}
    last = session.scalars(
        taken.on_conflict_do_update(index_elements=["year"], set_=more).returning(ObjectCounter.last)
    ).one()
    return range(last - count + 1, last + 1)


def measured_there(products: Select[UUID]) -> Select[Any]:
    """Return a query for the objects of all that was ever measured where products of measuring were made.

    Which of their measurements count, and so where they lie, may change with a product that comes or goes.
    """
    one = aliased(Product)
    return (
        select(Measurements.object_id)
        .join(Product, Product.id == Measurements.product_id)
        .join(one, same_work(one, Product))
        .where(one.id.in_(products), one.process == "measuring", Measurements.object_id.is_not(None))
    )


def recentre(session: Session, objects: Iterable[UUID]) -> None:
    """Put objects at the weighted mean of their measurements; those that have none stay where they are.

    Of each exposure and section the latest processing counts, and an older one only for an object that no latest one
    measured. Measurements without an error count only where none has one.
    """
    columns = (Measurements.object_id, Measurements.ra, Measurements.dec, Measurements.position_error_arcsec)
    wanted = given(objects)
    # Asked of each product once, and not of each of its measurements.
    theirs = aliased(Measurements)
    products = select(theirs.product_id).where(theirs.object_id.in_(wanted))
    current = select(Product.id).where(Product.id.in_(products), latest())
    everything = session.execute(
        select(*columns, Measurements.product_id.in_(current).label("counts")).where(
            Measurements.object_id.in_(wanted), Measurements.ra.is_not(None)
        )
    ).all()
    if not everything:
        return
    seen = {row.object_id for row in everything if row.counts}
    rows = [row for row in everything if row.counts or row.object_id not in seen]
    number = {key: place for place, key in enumerate(dict.fromkeys(row.object_id for row in rows))}
    own = np.array([number[row.object_id] for row in rows])
    alpha, delta, error = (
        np.array([getattr(row, name) for row in rows], np.float64)
        for name in ("ra", "dec", "position_error_arcsec")
    )
    with np.errstate(divide="ignore"):
        weight = np.where(error > 0, error**-2.0, 0.0)
    total = np.bincount(own, weight)
    used = np.where(total[own] > 0, weight, 1.0)
    alpha, delta = np.radians(alpha), np.radians(delta)
    x, y, z = (
        np.bincount(own, used * part)
        for part in (np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta))
    )
    ra, dec = np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))
    cells = sky_index(ra, dec)
    with np.errstate(divide="ignore"):
        errors = np.where(total > 0, total**-0.5, np.nan)
    changes = [
        {
            "id": key,
            "ra": float(ra[place]),
            "dec": float(dec[place]),
            "sky_index": int(cells[place]),
            "position_error_arcsec": float(errors[place]),
        }
        for key, place in number.items()
    ]
    session.execute(update(Object), changes)

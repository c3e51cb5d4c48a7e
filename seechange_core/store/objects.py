"""Objects by name, and what people correct about them: merge, split, classify."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from seechange_core.errors import StoreError
from seechange_core.models import ForcedPhotometry, Measurements, Object, ObjectFlag, Product, row_id
from seechange_core.models.sky_index import lock_cells
from seechange_core.store.database import Database
from seechange_core.store.given_keys import given
from seechange_core.store.latest import latest
from seechange_core.store.object_rows import recentre


class Objects:
    """Finds and corrects objects.

    Parameters
    ----------
    database : Database
        Holds them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str) -> Object:
        """Return an object by its name; by that of one that was merged into another, the other.

        Raises
        ------
        StoreError
            If there is none.
        """
        with self._database.read() as session:
            return _found(session, name)

    def merge(self, kept: str, others: Sequence[str]) -> Object:
        """Give an object the measurements of others, and return it.

        The names of the others lead to it from now on. Its fluxes by forced photometry stay, theirs go.

        Raises
        ------
        StoreError
            If there is no such object, or their positions are not in the same frame, or one is injected and the other
            is not.
        """

        def work(session: Session) -> Object:
            target = _found(session, kept)
            for name in others:
                source = _found(session, name)
                _check_alike(target, source)
                belongs = update(Measurements).where(Measurements.object_id == source.id)
                session.execute(belongs.values(object_id=target.id))
                session.execute(delete(ForcedPhotometry).where(ForcedPhotometry.object_id == source.id))
                merged = (Object.id == source.id) | (Object.merged_into == source.id)
                session.execute(update(Object).where(merged).values(merged_into=target.id))
            recentre(session, [target.id])
            session.refresh(target)
            return target

        return self._database.transact(work, self._cells([kept, *others]))

    def split(self, name: str, measurements: Sequence[UUID]) -> Object:
        """Make a new object of some of an object's measurements, and return it.

        Its name is that of the old one with a number behind it.

        Raises
        ------
        StoreError
            If there is no such object, or the measurements are not its own, or none would be left.
        """

        def work(session: Session) -> Object:
            source = _found(session, name)
            own = set(session.scalars(select(Measurements.id).where(Measurements.object_id == source.id)))
            strangers = [str(key) for key in measurements if key not in own]
            if strangers or not measurements:
                raise StoreError(
                    f"{name} has no measurement {', '.join(strangers)}; 'seechange object show {name}' lists its own"
                )
            if own <= set(measurements):
                raise StoreError(f"{name} has only these measurements: none would be left to it")
            new_name = _next_part(session, source.name or name)
            columns = {
                "id": row_id(new_name),
                "name": new_name,
                "relative_to": source.relative_to,
                "is_fake": source.is_fake,
                "is_test": source.is_test,
            }
            session.execute(insert(Object), [columns])
            chosen = update(Measurements).where(Measurements.id.in_(given(measurements)))
            session.execute(chosen.values(object_id=columns["id"]))
            recentre(session, [source.id, row_id(new_name)])
            return session.get_one(Object, row_id(new_name))

        return self._database.transact(work, self._cells([name]))

    def classify(
        self, name: str, *, classification: str | None = None, flags: ObjectFlag | None = None
    ) -> Object:
        """Say what an object is, in words or by flags, and return it; None leaves what was said before."""

        def work(session: Session) -> Object:
            found = _found(session, name)
            if classification is not None:
                found.classification = classification
            if flags is not None:
                found.flags = int(flags)
            return found

        return self._database.transact(work)

    def measurements(self, key: UUID) -> list[Measurements]:
        """Return the measurements of an object in the order of time, of each exposure as it was processed last."""
        wanted = (
            select(Measurements)
            .join(Product, Product.id == Measurements.product_id)
            .where(Measurements.object_id == key, latest())
        )
        with self._database.read() as session:
            return list(session.scalars(wanted.order_by(Measurements.mjd, Measurements.id)))

    def _cells(self, names: Sequence[str]) -> list[int]:
        """Return the cells in which associations of these objects take place."""
        places = np.array([(one.ra, one.dec) for one in map(self.find, names)], np.float64)
        return lock_cells(places[:, 0], places[:, 1], 0.0)


def _found(session: Session, name: str) -> Object:
    found = session.scalars(select(Object).where(Object.name == name)).first()
    if found is not None and found.merged_into is not None:
        found = session.get(Object, found.merged_into)
    if found is None:
        raise StoreError(f"no object is called {name!r}; 'seechange show objects' lists them")
    return found


def _check_alike(target: Object, source: Object) -> None:
    if target.id == source.id:
        raise StoreError(f"{source.name} is {target.name} already: name two different objects")
    for what, one, other in (
        ("frame of their positions", target.relative_to, source.relative_to),
        ("being injected", target.is_fake, source.is_fake),
        ("being simulated", target.is_test, source.is_test),
    ):
        if one != other:
            raise StoreError(f"{target.name} and {source.name} differ in {what}: they cannot be one object")


def _next_part(session: Session, name: str) -> str:
    """Return the first name of the form ``name-2``, ``name-3`` ... that is free."""
    begins = Object.name.startswith(f"{name}-", autoescape=True)
    taken = set(session.scalars(select(Object.name).where(begins)))
    return next(part for number in range(2, len(taken) + 3) if (part := f"{name}-{number}") not in taken)

"""Deleting products with everything that was made from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session, aliased

from seechange_core.models import Binding, Exposure, Measurements, Object, Product, Reference, row_id
from seechange_core.models.sky_index import lock_cells
from seechange_core.store.database import Database
from seechange_core.store.files import FileStore, StoredFile
from seechange_core.store.given_keys import given
from seechange_core.store.lineage import with_all_made_from
from seechange_core.store.object_rows import measured_there, recentre
from seechange_core.store.rows_with_files import files_of_products


@dataclass(frozen=True)
class Deletion:
    """What a deletion takes with it.

    Parameters
    ----------
    products : tuple of (str, str, str)
        Process, place and product id of each, in that order.
    files : tuple of StoredFile
        In the data folder and the archive.
    exposures : tuple of UUID
        Rows of exposures; their raw files are never deleted.
    """

    products: tuple[tuple[str, str, str], ...]
    files: tuple[StoredFile, ...]
    exposures: tuple[UUID, ...] = ()

    @property
    def size(self) -> int:
        """Bytes on the local disk at most."""
        return sum(stored.size for stored in self.files)


def plan_deletion(database: Database, rows: Iterable[UUID]) -> Deletion:
    """Return what `delete_everything` would delete, and delete nothing.

    Parameters
    ----------
    rows : iterable of UUID
        Primary keys of products or exposures.
    """
    with database.read() as session:
        return _plan(session, list(rows))


def delete_everything(database: Database, files: FileStore, rows: Iterable[UUID]) -> Deletion:
    """Delete products or exposures, everything made from them, and their files here and in the archive.

    Rows go first, in one transaction: a crash then leaves orphan files, never a row without its file. Objects that
    lose all their measurements go too, and the others move to the mean of those that are left; raw files of exposures
    stay.

    Raises
    ------
    StoreError
        If the database refuses, and then nothing is deleted, or if a file cannot be removed.
    """
    wanted = list(rows)

    def work(session: Session) -> Deletion:
        _lock(database, session, wanted)
        plan = _plan(session, wanted)
        _delete_rows(session, wanted)
        return plan

    plan = database.transact(work)
    for stored in plan.files:
        files.remove(stored, from_archive=True)
    return plan


def remove_data(database: Database, files: FileStore, rows: Iterable[UUID]) -> list[StoredFile]:
    """Remove the local files of products, keeping their rows and the archive; return what was removed.

    Products whose file the archive does not have cannot be loaded any more after this.
    """
    with database.read() as session:
        found = files_of_products(session, given(rows))
    for stored in found:
        files.remove(stored)
    return found


def _plan(session: Session, rows: list[UUID]) -> Deletion:
    products = select(Product).where(Product.id.in_(with_all_made_from(rows)))
    ordered = products.order_by(Product.process, Product.place, Product.identity)
    described = tuple((row.process, row.place, row.identity) for row in session.scalars(ordered))
    files = tuple(files_of_products(session, with_all_made_from(rows)))
    exposures = tuple(
        session.scalars(select(Exposure.id).where(Exposure.id.in_(given(rows))).order_by(Exposure.id))
    )
    return Deletion(described, files, exposures)


def _lock(database: Database, session: Session, rows: list[UUID]) -> None:
    """Wait for associations of what goes, in their order: first measurements without an object, then cells."""
    free = (
        select(Measurements.id)
        .where(Measurements.product_id.in_(with_all_made_from(rows)), Measurements.object_id.is_(None))
        .order_by(Measurements.product_id, Measurements.row)
    )
    session.execute(free.with_for_update(of=Measurements))
    places = session.execute(select(Object.ra, Object.dec).where(Object.id.in_(_objects(rows))))
    known = np.array([place for place in places if place.ra is not None], np.float64).reshape(-1, 2)
    database.lock(session, lock_cells(known[:, 0], known[:, 1], 0.0))


def _objects(rows: list[UUID]) -> Select[UUID]:
    """Return a query for the objects whose measurements go, or count again."""
    return measured_there(with_all_made_from(rows))


def _free_unfinished(session: Session, affected: list[UUID]) -> None:
    """Undo bindings to what is deleted of steps that never finished: they could not run any more."""
    unfinished = select(Binding).where(Binding.anchor.not_in(select(Product.anchor)))
    gone = set(affected)
    for binding in session.scalars(unfinished).all():
        if not gone.isdisjoint(row_id(identity) for identity in binding.inputs.values()):
            session.delete(binding)
    session.flush()


def _delete_rows(session: Session, rows: list[UUID]) -> None:
    affected = list(session.scalars(select(Product.id).where(Product.id.in_(with_all_made_from(rows)))))
    gone = given(affected)
    anchors = select(Product.anchor).where(Product.id.in_(gone))
    objects = list(session.scalars(select(Object.id).where(Object.id.in_(_objects(rows)))))
    plain = {"synchronize_session": False}
    session.execute(delete(Binding).where(Binding.anchor.in_(anchors)).execution_options(**plain))
    _free_unfinished(session, affected)
    session.execute(delete(Reference).where(Reference.id.in_(gone)).execution_options(**plain))
    session.execute(delete(Product).where(Product.id.in_(gone)).execution_options(**plain))
    session.execute(delete(Exposure).where(Exposure.id.in_(given(rows))).execution_options(**plain))
    measured = select(Measurements.id).where(Measurements.object_id == Object.id).exists()
    empty = delete(Object).where(Object.id.in_(given(objects)), ~measured)
    session.execute(empty.execution_options(**plain))
    survivor = aliased(Object)
    lost = (
        Object.merged_into.is_not(None)
        & ~select(survivor.id).where(survivor.id == Object.merged_into).exists()
    )
    session.execute(delete(Object).where(lost).execution_options(**plain))
    recentre(session, objects)

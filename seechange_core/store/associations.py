"""Association: new measurements join objects, or found them, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session, aliased

from seechange_core.frames import Floats, MaskPlane
from seechange_core.frames.mapping import separation_deg
from seechange_core.imaging.alignment.overlap import middle
from seechange_core.models import Measurements, Object, Product, WorldCoordinates, row_id
from seechange_core.models.sky_index import in_cone, lock_cells
from seechange_core.store.database import Database
from seechange_core.store.latest import same_work
from seechange_core.store.naming import mjd_date
from seechange_core.store.object_rows import measured_there, next_numbers, recentre

_ARCSEC_PER_DEG = 3600.0


class Assignment(Protocol):
    """Which object each measurement belongs to; see `steps.association.Assignment`."""

    @property
    def object_index(self) -> NDArray[np.int64]:
        """Row of the known object; -1 for a new one."""

    @property
    def founder_row(self) -> NDArray[np.int64]:
        """Row of the measurement that founds the new object; -1 for a known one."""


class Matcher(Protocol):
    """A pure function that assigns measurements to objects; see `steps.association.assign`."""

    def __call__(
        self,
        ra: Floats,
        dec: Floats,
        error_arcsec: Floats,
        objects_ra: Floats,
        objects_dec: Floats,
        objects_error_arcsec: Floats,
    ) -> Assignment:
        """Match measurements (deg, arcsec) with objects near them."""


@dataclass(frozen=True)
class AssociationRules:
    """What decides on objects.

    Parameters
    ----------
    match : Matcher
        Decides which measurements and objects belong together.
    reach_arcsec : float
        No measurement is farther from its object than this.
    name : callable
        Year and number of a new object to its name.
    is_test : bool
        True if the data are not of the sky. Their objects are others than those of the sky.
    """

    match: Matcher
    reach_arcsec: float
    name: Callable[[int, int], str]
    is_test: bool = False


@dataclass(frozen=True)
class AssociationResult:
    """What an association did.

    Parameters
    ----------
    n_joined, n_founded : int
        Measurements that joined a known object, and new objects.
    n_without_position : int
        Measurements that cannot be associated, for lack of a sky mapping.
    """

    n_joined: int = 0
    n_founded: int = 0
    n_without_position: int = 0


class Associations:
    """Assigns the measurements of a product to objects.

    Parameters
    ----------
    database : Database
        Holds measurements and objects.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def associate(self, product_id: str, rules: AssociationRules) -> AssociationResult:
        """Give each measurement of a product that has none its object; done again, it changes nothing.

        Writers whose measurements lie near each other wait for one another, so that no two of them make an object of
        the same source. Injected sources have objects of their own, and so has every exposure that positions are
        relative to.

        Parameters
        ----------
        product_id : str
            Of the measurements.
        rules : AssociationRules
            What decides.
        """
        return self._database.transact(lambda session: self._associate(session, product_id, rules))

    def _associate(self, session: Session, product_id: str, rules: AssociationRules) -> AssociationResult:
        free = _unassociated(session, product_id)
        rows = [row for row in free if row.sky_index is not None]
        before = _measured_before(session, product_id) if not free or free[0].again else []
        if not rows and not before:
            return AssociationResult(n_without_position=len(free))
        ra, dec = _columns([*rows, *before], "ra", "dec")
        cells = lock_cells(ra, dec, 2 * rules.reach_arcsec / _ARCSEC_PER_DEG)
        self._database.lock(session, cells)
        belongs, new = _associate(session, rows, rules) if rows else ({}, set())
        recentre(session, {*belongs.values(), *(known.id for known in before)})
        n_joined = sum(belonging not in new for belonging in belongs.values())
        return AssociationResult(n_joined, len(new), len(free) - len(rows))


def _associate(
    session: Session, rows: Sequence[Any], rules: AssociationRules
) -> tuple[dict[UUID, UUID], set[UUID]]:
    """Return the object of each measurement, and those that were founded."""
    objects = _objects_near(session, rows, rules)
    belongs: dict[UUID, UUID] = {}
    for fake in (False, True):
        belongs |= _assigned(
            [row for row in rows if _is_fake(row) == fake],
            [known for known in objects if known.is_fake == fake],
            rules,
        )
    founders = [row for row in rows if belongs[row.id] == row.id]
    founded = _found(session, founders, rules)
    belongs = {measured: founded.get(belonging, belonging) for measured, belonging in belongs.items()}
    changes = [{"id": measured, "object_id": belonging} for measured, belonging in belongs.items()]
    session.execute(update(Measurements), changes)
    return belongs, set(founded.values())


def _again(product_id: str) -> ColumnElement[bool]:
    """Return the condition that another processing measured the same section."""
    this, other = aliased(Product), aliased(Product)
    there = select(other.id).join(this, same_work(other, this))
    return there.where(this.id == row_id(product_id), other.id != this.id).exists()


def _measured_before(session: Session, product_id: str) -> list[Any]:
    """Return the objects of what other processings measured on the same section: the new one takes their place."""
    product = row_id(product_id)
    there = measured_there(select(Product.id).where(Product.id == product))
    wanted = select(Object.id, Object.ra, Object.dec).where(
        Object.id.in_(there.where(Measurements.product_id != product)), Object.ra.is_not(None)
    )
    return list(session.execute(wanted))


def _unassociated(session: Session, product_id: str) -> list[Any]:
    """Return a product's measurements that have no object; whoever wants the same ones waits (SQLite does anyway)."""
    table = Measurements
    columns = (
        table.id,
        table.ra,
        table.dec,
        table.sky_index,
        table.position_error_arcsec,
        table.mask,
        table.mjd,
        WorldCoordinates.relative_to,
        _again(product_id).label("again"),
    )
    wanted = (
        select(*columns)
        .outerjoin(WorldCoordinates, WorldCoordinates.id == table.image_id)
        .where(table.product_id == row_id(product_id), table.object_id.is_(None))
    )
    return list(session.execute(wanted.order_by(table.row).with_for_update(of=table)))


def _objects_near(session: Session, rows: Sequence[Any], rules: AssociationRules) -> list[Any]:
    """Return the objects of the same frame in a cone that holds all measurements, in an order that two runs share."""
    ra, dec = _columns(rows, "ra", "dec")
    centre = middle(ra, dec)
    radius_deg = float(np.max(separation_deg(*centre, ra, dec))) + rules.reach_arcsec / _ARCSEC_PER_DEG
    columns = (Object.id, Object.ra, Object.dec, Object.position_error_arcsec, Object.is_fake)
    wanted = select(*columns).where(
        in_cone(Object, *centre, radius_deg),
        Object.relative_to == (rows[0].relative_to or ""),
        Object.is_test == rules.is_test,
        Object.merged_into.is_(None),
    )
    return list(session.execute(wanted.order_by(Object.sky_index, Object.id)))


def _assigned(rows: Sequence[Any], objects: Sequence[Any], rules: AssociationRules) -> dict[UUID, UUID]:
    """Return for each measurement the key of its object, or for a new object that of its founder."""
    if not rows:
        return {}
    names = ("ra", "dec", "position_error_arcsec")
    found = rules.match(*_columns(rows, *names), *_columns(objects, *names))
    return {
        row.id: objects[known].id if known >= 0 else rows[founder].id
        for row, known, founder in zip(
            rows, found.object_index.tolist(), found.founder_row.tolist(), strict=True
        )
    }


def _found(session: Session, founders: Sequence[Any], rules: AssociationRules) -> dict[UUID, UUID]:
    """Write new objects and return their keys by that of their founders; where they are, `recentre` says."""
    if not founders:
        return {}
    # All measurements of a product are of one exposure.
    year = int(mjd_date(founders[0].mjd)[:4])
    numbers = next_numbers(session, year, len(founders))
    names = [rules.name(year, number) for number in numbers]
    rows: list[dict[str, Any]] = [
        {
            "id": row_id(name),
            "name": name,
            "relative_to": row.relative_to or "",
            "is_fake": _is_fake(row),
            "is_test": rules.is_test,
        }
        for name, row in zip(names, founders, strict=True)
    ]
    session.execute(insert(Object), rows)
    return {row.id: made["id"] for row, made in zip(founders, rows, strict=True)}


def _is_fake(row: Any) -> bool:
    return bool(row.mask & MaskPlane.INJECTED)


def _columns(rows: Sequence[Any], *names: str) -> tuple[Floats, ...]:
    return tuple(np.array([getattr(row, name) for row in rows], np.float64) for name in names)

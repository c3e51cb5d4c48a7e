"""Association: new measurements join objects, or found them, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from seechange_core.frames import Floats, MaskPlane
from seechange_core.frames.mapping import separation_deg
from seechange_core.imaging.alignment.overlap import middle
from seechange_core.models import Measurements, Object, row_id
from seechange_core.models.sky_index import in_cone, lock_cells, sky_index
from seechange_core.store.database import Database

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
        position_error_arcsec: Floats,
        objects_ra: Floats,
        objects_dec: Floats,
        radius_arcsec: float,
    ) -> Assignment:
        """Match measurements (deg) with objects near them (deg)."""


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

    def associate(
        self, product_id: str, match: Matcher, radius_arcsec: float, *, is_test: bool = False
    ) -> AssociationResult:
        """Give each measurement of a product that has none its object; done again, it changes nothing.

        Writers whose measurements lie near each other wait for one another, so that no two of them make an object of
        the same source.

        Parameters
        ----------
        product_id : str
            Of the measurements.
        match : Matcher
            Decides.
        radius_arcsec : float
            Largest distance of a measurement from its object.
        is_test : bool
            True if the data are not of the sky: new objects say so.
        """
        with self._database.read() as session:
            free = _unassociated(session, product_id)
        placed = [row for row in free if row.sky_index is not None]
        if not placed:
            return AssociationResult(n_without_position=len(free))
        ra, dec = _columns(placed, "ra", "dec")
        cells = lock_cells(ra, dec, 2 * radius_arcsec / _ARCSEC_PER_DEG)
        return self._database.transact(
            lambda session: _associate(session, product_id, match, radius_arcsec, is_test), cells
        )


def object_name(ra: float, dec: float) -> str:
    """Return the name of an object by its rounded position (deg), in the form of ``SC J123456.78-012345.6``."""
    hours, rest = divmod(round(ra / 15.0 * 360000) % (24 * 360000), 360000)
    minutes, hundredths = divmod(rest, 6000)
    degrees, rest_dec = divmod(round(abs(dec) * 36000), 36000)
    arcminutes, tenths = divmod(rest_dec, 600)
    sign = "-" if dec < 0 else "+"
    return f"SC J{hours:02d}{minutes:02d}{hundredths / 100:05.2f}{sign}{degrees:02d}{arcminutes:02d}{tenths / 10:04.1f}"


def _associate(
    session: Session, product_id: str, match: Matcher, radius_arcsec: float, is_test: bool
) -> AssociationResult:
    free = _unassociated(session, product_id)
    rows = [row for row in free if row.sky_index is not None]
    if not rows:
        return AssociationResult(n_without_position=len(free))
    ra, dec, error = _columns(rows, "ra", "dec", "position_error_arcsec")
    objects = _objects_near(session, ra, dec, radius_arcsec)
    objects_ra, objects_dec = _columns(objects, "ra", "dec")
    assigned = match(ra, dec, error, objects_ra, objects_dec, radius_arcsec)

    founders = sorted({int(row) for row in assigned.founder_row if row >= 0})
    if founders:
        session.execute(insert(Object), [_new_object(rows[row], is_test) for row in founders])
    belongs = [
        objects[known].id if known >= 0 else rows[founder].id
        for known, founder in zip(assigned.object_index.tolist(), assigned.founder_row.tolist(), strict=True)
    ]
    changes = [{"id": row.id, "object_id": belonging} for row, belonging in zip(rows, belongs, strict=True)]
    session.execute(update(Measurements), changes)
    n_joined = int(np.count_nonzero(assigned.object_index >= 0))
    return AssociationResult(n_joined, len(founders), len(free) - len(rows))


def _unassociated(session: Session, product_id: str) -> list[Any]:
    table = Measurements
    columns = (table.id, table.ra, table.dec, table.sky_index, table.position_error_arcsec, table.mask)
    wanted = select(*columns).where(table.product_id == row_id(product_id), table.object_id.is_(None))
    return list(session.execute(wanted.order_by(table.row)))


def _objects_near(session: Session, ra: Floats, dec: Floats, radius_arcsec: float) -> list[Any]:
    """Return all objects in the cone that holds every measurement, in an order that two runs share."""
    centre = middle(ra, dec)
    radius_deg = float(np.max(separation_deg(*centre, ra, dec))) + radius_arcsec / _ARCSEC_PER_DEG
    wanted = select(Object.id, Object.ra, Object.dec).where(in_cone(Object, *centre, radius_deg))
    return list(session.execute(wanted.order_by(Object.sky_index, Object.id)))


def _new_object(row: Any, is_test: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": object_name(row.ra, row.dec),
        "ra": row.ra,
        "dec": row.dec,
        "sky_index": int(sky_index(row.ra, row.dec)),
        "is_fake": bool(row.mask & MaskPlane.INJECTED),
        "is_test": is_test,
    }


def _columns(rows: list[Any], *names: str) -> tuple[Floats, ...]:
    return tuple(np.array([getattr(row, name) for row in rows], np.float64) for name in names)

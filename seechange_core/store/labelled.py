"""Candidates that somebody has labelled, as scorers get them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from seechange_core.errors import StoreError
from seechange_core.frames import MeasurementTable, Stamps
from seechange_core.imaging.candidates.same_places import same_places
from seechange_core.models import Measurements, Product
from seechange_core.store.given_keys import given
from seechange_core.store.store import Store

#: Some pixels: stamps of candidates that are nearer show the same source or the same flaw.
_SAME_PLACE_ARCSEC = 2.0


def labelled_candidates(
    store: Store, labels: Mapping[str, bool]
) -> tuple[Stamps, MeasurementTable, NDArray[np.bool_], NDArray[np.int64]]:
    """Read stamps and measurements of candidates that are known to be real or bogus.

    Parameters
    ----------
    store : Store
        Of the survey.
    labels : mapping of str to bool
        Id of a measurement, or name of an object (then all its measurements of the latest processings have the
        label): whether it is real. The label of a measurement counts for more than that of its object.

    Returns
    -------
    stamps, measurements, real, places
        Row i of each belongs to one candidate. Those of one object, and those within 2 arcsec, have the same number in
        ``places``: they show the same thing on the sky.

    Raises
    ------
    StoreError
        If there is no such measurement or object, or the stamps differ in size.
    """
    rows = _rows(store, labels)
    parts, ordered = [], []
    for product in sorted({row.product_id for row, _ in rows.values()}):
        own = [(row, real) for row, real in rows.values() if row.product_id == product]
        measured: MeasurementTable = store.products.load(_identity(store, product), "measurements")
        stamps: Stamps = store.products.load(_identity(store, own[0][0].cutouts_id), "stamps")
        chosen = np.array([row.row for row, _ in own])
        ordered += [row for row, _ in own]
        table = measured.rows(chosen)
        parts.append((stamps.rows(table["stamp"]), table, [real for _, real in own]))
    if len(sizes := {stamps.size for stamps, _, _ in parts}) > 1:
        raise StoreError(
            f"labelled candidates have stamps of {sorted(sizes)} pixels; label those of one size"
        )
    joined = Stamps.joined([stamps for stamps, _, _ in parts])
    names = set.intersection(*(set(table) for _, table, _ in parts))
    columns = {name: np.concatenate([table[name] for _, table, _ in parts]) for name in sorted(names)}
    labelled = np.concatenate([np.array(real) for _, _, real in parts])
    return joined, MeasurementTable(columns), labelled, _places(ordered)


def _places(rows: Sequence[Measurements]) -> NDArray[np.int64]:
    objects = [str(row.object_id or row.id) for row in rows]
    ra, dec = (np.array([getattr(row, name) for row in rows], np.float64) for name in ("ra", "dec"))
    return same_places(ra, dec, np.unique(objects, return_inverse=True)[1], _SAME_PLACE_ARCSEC)


def _rows(store: Store, labels: Mapping[str, bool]) -> dict[UUID, tuple[Measurements, bool]]:
    single: dict[UUID, bool] = {}
    rows: dict[UUID, tuple[Measurements, bool]] = {}
    for name, real in labels.items():
        try:
            single[UUID(name)] = real
        except ValueError:
            found = store.objects.measurements(store.objects.find(name).id)
            rows |= {row.id: (row, real) for row in found}
    with store.database.read() as session:
        measured = session.scalars(select(Measurements).where(Measurements.id.in_(given(single))))
        rows |= {row.id: (row, single[row.id]) for row in measured}
    missing = [key for key in single if key not in rows]
    if missing:
        raise StoreError(f"there is no measurement {missing[0]}; 'seechange object show' lists ids")
    return rows


def _identity(store: Store, key: UUID) -> str:
    with store.database.read() as session:
        return session.scalars(select(Product.identity).where(Product.id == key)).one()

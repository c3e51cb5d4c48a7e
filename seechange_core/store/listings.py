"""Rows as people list them: plain values by column name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select

from seechange_core.errors import InputError
from seechange_core.models import (
    DeepScore,
    Exposure,
    Image,
    Measurements,
    Object,
)
from seechange_core.models.sky_index import in_cone
from seechange_core.store.database import Database
from seechange_core.store.light_curves import measured_under

_ARCSEC_PER_DEG = 3600.0


@dataclass(frozen=True)
class Selection:
    """Which rows are wanted.

    Parameters
    ----------
    instrument, filter : str
        Empty for all.
    cone : tuple of float or None
        Right ascension and declination (deg), radius (arcsec).
    limit : int
        At most so many rows.
    tag : str
        Of the processing whose measurements of an object are counted.
    """

    instrument: str = ""
    filter: str = ""
    cone: tuple[float, float, float] | None = None
    limit: int = 100
    tag: str = "current"


def list_rows(database: Database, kind: str, selection: Selection) -> list[dict[str, Any]]:
    """Return rows of one kind, see `LISTINGS`.

    Raises
    ------
    KeyError
        If there is no such kind.
    InputError
        If rows of the kind have no instrument or filter to select by.
    """
    table, make = LISTINGS[kind]
    wanted = make().params(tag=selection.tag)
    for name in ("instrument", "filter"):
        value = getattr(selection, name)
        if value and not hasattr(table, name):
            raise InputError(f"{kind} have no {name} of their own: leave --{name} out")
        if value:
            wanted = wanted.where(getattr(table, name) == value)
    if selection.cone is not None:
        ra, dec, radius_arcsec = selection.cone
        wanted = wanted.where(in_cone(table, ra, dec, radius_arcsec / _ARCSEC_PER_DEG))
    with database.read() as session:
        return [dict(row) for row in session.execute(wanted.limit(selection.limit)).mappings()]


def _exposures() -> Any:
    columns = (
        Exposure.id,
        Exposure.instrument,
        Exposure.kind,
        Exposure.mjd,
        Exposure.exposure_s,
        Exposure.filter,
        Exposure.ra,
        Exposure.dec,
        Exposure.target,
        Exposure.state,
    )
    return select(*columns).order_by(Exposure.mjd, Exposure.id)


def _images() -> Any:
    columns = (
        Image.id,
        Image.instrument,
        Image.section,
        Image.sky_cell,
        Image.is_coadd,
        Image.is_difference,
        Image.mjd,
        Image.filter,
        Image.ra,
        Image.dec,
        Image.exposure_id,
    )
    return select(*columns).order_by(Image.mjd, Image.id)


def _measurements() -> Any:
    best = (
        select(func.max(DeepScore.score)).where(DeepScore.measurement_id == Measurements.id).scalar_subquery()
    )
    columns = (
        Measurements.id,
        Object.name.label("object"),
        Measurements.mjd,
        Measurements.filter,
        Measurements.ra,
        Measurements.dec,
        Measurements.flux,
        Measurements.flux_error,
        Measurements.flux_unit,
        Measurements.calibrated,
        Measurements.sky_frame,
        Measurements.magnitude,
        Measurements.score.label("significance"),
        best.label("real_bogus_score"),
    )
    joined = select(*columns).join(Object, Object.id == Measurements.object_id, isouter=True)
    return joined.order_by(Measurements.mjd, Measurements.id)


def _objects() -> Any:
    counted = (
        select(func.count())
        .where(
            Measurements.object_id == Object.id,
            Measurements.product_id.in_(measured_under(bindparam("tag"))),
        )
        .scalar_subquery()
    )
    columns = (
        Object.id,
        Object.name,
        Object.ra,
        Object.dec,
        counted.label("n_measurements"),
        Object.classification,
        Object.flags,
        Object.relative_to,
        Object.is_fake,
        Object.is_test,
    )
    return select(*columns).where(Object.merged_into.is_(None)).order_by(Object.name)


#: What can be listed: table and query.
LISTINGS: Mapping[str, tuple[Any, Callable[[], Any]]] = {
    "exposures": (Exposure, _exposures),
    "images": (Image, _images),
    "detections": (Measurements, _measurements),
    "objects": (Object, _objects),
}

"""Rows as people list them: plain values by column name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from seechange_core.errors import InputError
from seechange_core.models import (
    DeepScore,
    Exposure,
    Image,
    Measurements,
    Object,
    Product,
    ProvenanceTag,
)
from seechange_core.models.sky_index import in_cone
from seechange_core.store.database import Database
from seechange_core.store.given_keys import given
from seechange_core.store.latest import latest, tagged

_ARCSEC_PER_DEG = 3600.0
#: How a processing is named beside its rows: the id and the tags of its provenance.
PROCESSING: tuple[ColumnElement[str], ...] = (
    Product.provenance_id.label("provenance"),
    select(func.aggregate_strings(ProvenanceTag.tag, ", "))
    .where(ProvenanceTag.provenance_id == Product.provenance_id)
    .scalar_subquery()
    .label("tags"),
)


@dataclass(frozen=True)
class Selection:
    """Which rows are wanted.

    Parameters
    ----------
    instrument, filter : str
        Empty for all.
    cone : tuple of float or None
        Right ascension and declination (deg), radius (arcsec).
    limit : int or None
        At most so many rows.
    tag : str
        Of the processing; empty for any.
    all_versions : bool
        Everything that was made, with provenance and tags, rather than of each exposure and place the latest.
    object_id : UUID or None
        Only detections of this object.
    """

    instrument: str = ""
    filter: str = ""
    cone: tuple[float, float, float] | None = None
    limit: int | None = 100
    tag: str = ""
    all_versions: bool = False
    object_id: UUID | None = None

    @property
    def counted(self) -> ColumnElement[bool]:
        """Condition on `Product`: which ones are meant."""
        provenances = tagged(self.tag) if self.tag else None
        if not self.all_versions:
            return latest(provenances)
        return true() if provenances is None else Product.provenance_id.in_(provenances)

    @property
    def processing(self) -> tuple[Any, ...]:
        """Columns that tell versions apart."""
        return PROCESSING if self.all_versions else ()


def list_rows(database: Database, kind: str, selection: Selection) -> list[dict[str, Any]]:
    """Return rows of one kind, see `LISTINGS`.

    Raises
    ------
    KeyError
        If there is no such kind.
    InputError
        If there is no such tag, or if rows of the kind have no instrument or filter to select by.
    """
    table, make = LISTINGS[kind]
    wanted = make(selection)
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
        if selection.tag and session.scalars(tagged(selection.tag).limit(1)).first() is None:
            raise InputError(f"there is no tag {selection.tag!r}; 'seechange provenance tags' lists tags")
        rows = [dict(row) for row in session.execute(wanted.limit(selection.limit)).mappings()]
        if table is Measurements:
            _add_scores(session, rows, selection)
    return rows


def _exposures(selection: Selection) -> Select[Any]:
    columns: tuple[Any, ...] = (
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


def _images(selection: Selection) -> Select[Any]:
    columns: tuple[Any, ...] = (
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
        *selection.processing,
    )
    joined = select(*columns).join(Product, Product.id == Image.id).where(selection.counted)
    return joined.order_by(Image.mjd, Image.id)


def _measurements(selection: Selection) -> Select[Any]:
    columns: tuple[Any, ...] = (
        Measurements.id,
        Object.name.label("object"),
        Measurements.mjd,
        Measurements.filter,
        Measurements.ra,
        Measurements.dec,
        Measurements.position_error_arcsec,
        Measurements.flux,
        Measurements.flux_error,
        Measurements.flux_unit,
        Measurements.calibrated,
        Measurements.sky_frame,
        Measurements.magnitude,
        Measurements.score.label("significance"),
        *selection.processing,
    )
    joined = (
        select(*columns)
        .join(Product, Product.id == Measurements.product_id)
        .join(Object, Object.id == Measurements.object_id, isouter=True)
        .where(selection.counted)
    )
    if selection.object_id is not None:
        joined = joined.where(Measurements.object_id == selection.object_id)
    return joined.order_by(Measurements.mjd, Measurements.id)


def _add_scores(session: Session, rows: Sequence[dict[str, Any]], selection: Selection) -> None:
    """Add how real the measurements look: ``real_bogus_score``, and of several scorers a column each."""
    scored = (
        select(DeepScore.measurement_id, DeepScore.scorer, DeepScore.score)
        .join(Product, Product.id == DeepScore.product_id)
        .where(DeepScore.measurement_id.in_(given(row["id"] for row in rows)), selection.counted)
        .order_by(Product.created_at)
    )
    scores = {(key, scorer): score for key, scorer, score in session.execute(scored)}
    scorers = sorted({scorer for _, scorer in scores})
    for scorer in scorers:
        name = "real_bogus_score" if len(scorers) == 1 else f"real_bogus_score_{scorer}"
        for row in rows:
            row[name] = scores.get((row["id"], scorer))


def _objects(selection: Selection) -> Select[Any]:
    counted = (
        select(func.count(Measurements.id))
        .join(Product, Product.id == Measurements.product_id)
        .where(Measurements.object_id == Object.id, selection.counted)
        .scalar_subquery()
    )
    columns: tuple[Any, ...] = (
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
    known = Object.merged_into.is_(None)
    wanted = known & (counted > 0) if selection.tag else known
    return select(*columns).where(wanted).order_by(Object.name)


#: What can be listed: table and query.
LISTINGS: Mapping[str, tuple[Any, Callable[[Selection], Select[Any]]]] = {
    "exposures": (Exposure, _exposures),
    "images": (Image, _images),
    "detections": (Measurements, _measurements),
    "objects": (Object, _objects),
}

"""Light curves in the database: what was detected, and what was measured at the place of an object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from seechange_core.frames import PhotometricSolution, SkyMapping
from seechange_core.frames.mapping import separation_deg
from seechange_core.imaging.alignment.overlap import contains
from seechange_core.models import (
    ForcedPhotometry,
    Image,
    Measurements,
    Object,
    Product,
    ProvenanceTag,
    Reference,
    WorldCoordinates,
    ZeroPoint,
)
from seechange_core.models.sky_index import in_cone
from seechange_core.provenance import Provenance
from seechange_core.store.database import Database
from seechange_core.store.files import StoredFile
from seechange_core.store.formats.documents import mapping_from_document, photometry_from_document
from seechange_core.store.inserting import insert_missing

PROCESS, VERSION = "forced_photometry", "1.0"
#: Where an object has moved by more since, its fluxes are measured anew.
_MOVED_ARCSEC = 0.05
_ARCSEC_PER_DEG = 3600.0
#: SQLite takes 32766 values in a statement.
_IDS_AT_ONCE = 5000


@dataclass(frozen=True)
class DifferenceImage:
    """A difference image on which a flux can be measured.

    Parameters
    ----------
    id : UUID
        Primary key.
    filter : str
        Of the new image.
    mjd : float
        Mid-exposure (UTC).
    file : StoredFile
        With its pixels and PSF.
    mapping : SkyMapping
    photometry : PhotometricSolution
    reference : str
        Identity of the reference that was subtracted; empty if it is none any more.
    """

    id: UUID
    filter: str
    mjd: float
    file: StoredFile
    mapping: SkyMapping
    photometry: PhotometricSolution
    reference: str


def forced_provenance(subtraction_provenance_id: str) -> Provenance:
    """Return the provenance of forced photometry on the differences of a subtraction."""
    return Provenance(
        PROCESS, VERSION, {"step": {}, "components": {}}, {"difference": subtraction_provenance_id}
    )


class LightCurves:
    """Reads light curves, and keeps what is measured for them.

    Parameters
    ----------
    database : Database
        Holds the rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def unmeasured(self, target: Object, subtraction_provenance_id: str) -> list[DifferenceImage]:
        """Return the difference images that cover an object and on which its flux was not measured, or elsewhere.

        Parameters
        ----------
        target : Object
            Its position counts as it is now.
        subtraction_provenance_id : str
            Of the processing.
        """
        assert target.ra is not None
        assert target.dec is not None
        forced = forced_provenance(subtraction_provenance_id)
        with self._database.read() as session:
            covering = _covering(session, target, subtraction_provenance_id)
            done = select(ForcedPhotometry.image_id, ForcedPhotometry.ra, ForcedPhotometry.dec).where(
                ForcedPhotometry.object_id == target.id, ForcedPhotometry.provenance_id == forced.id
            )
            there = {
                image
                for image, ra, dec in session.execute(done)
                if separation_deg(ra, dec, target.ra, target.dec) * _ARCSEC_PER_DEG <= _MOVED_ARCSEC
            }
            return _images(session, [image for image in covering if image not in there])

    def save(self, forced: Sequence[ForcedPhotometry]) -> None:
        """Write fluxes, in place of older ones of the same provenances, objects and images."""

        def work(session: Session) -> None:
            for start in range(0, len(forced), _IDS_AT_ONCE):
                rows = forced[start : start + _IDS_AT_ONCE]
                older = delete(ForcedPhotometry).where(ForcedPhotometry.id.in_([row.id for row in rows]))
                session.execute(older.execution_options(synchronize_session=False))
                insert_missing(session, rows)

        self._database.transact(work)

    def forced(self, target: Object, subtraction_provenance_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Return all fluxes that were measured at the place of an object, in the order of time."""
        provenances = [forced_provenance(identity).id for identity in subtraction_provenance_ids]
        table = ForcedPhotometry
        wanted = (
            select(*_columns(table, "reference_flux", "reference_flux_error"))
            .join(Image, Image.id == table.image_id)
            .join(Product, Product.id == table.image_id)
            .where(table.object_id == target.id, table.provenance_id.in_(provenances))
        )
        return self._rows(wanted.order_by(table.mjd, table.image_id))

    def detected(self, target: Object, tag: str) -> list[dict[str, Any]]:
        """Return the measurements of an object in the order of time.

        Parameters
        ----------
        target : Object
        tag : str
            Of the processing: what another one measured on the same images is left out.
        """
        table = Measurements
        wanted = (
            select(*_columns(table))
            .join(Image, Image.id == table.image_id)
            .join(Product, Product.id == table.product_id)
            .where(table.object_id == target.id, table.product_id.in_(measured_under(tag)))
        )
        return self._rows(wanted.order_by(table.mjd, table.id))

    def _rows(self, wanted: Select[Any]) -> list[dict[str, Any]]:
        with self._database.read() as session:
            return [dict(row) for row in session.execute(wanted).mappings()]


def measured_under(tag: Any) -> Select[Any]:
    """Return a query for the keys of the products of measuring under a tag."""
    return (
        select(Product.id)
        .join(ProvenanceTag, ProvenanceTag.provenance_id == Product.provenance_id)
        .where(ProvenanceTag.tag == tag, ProvenanceTag.process == "measuring")
    )


def _columns(table: Any, *more: str) -> list[Any]:
    own = ("image_id", "mjd", "filter", "flux", "flux_error", "flux_unit", *more)
    return [
        *(getattr(table, name) for name in own),
        Image.instrument,
        Image.ref_image_id.label("reference_image_id"),
        Product.badness.bitwise_or(Product.upstream_badness).label("badness"),
    ]


def _covering(session: Session, target: Any, subtraction_provenance_id: str) -> list[UUID]:
    """Return the difference images that hold the place of an object, in the order of time."""
    fits = (Image.is_difference, Product.provenance_id == subtraction_provenance_id)
    largest = select(func.max(Image.radius_deg)).join(Product, Product.id == Image.id).where(*fits)
    radius_deg = session.scalars(largest).one()
    if radius_deg is None:
        return []
    wanted = (
        select(Image.id, Image.corners)
        .join(Product, Product.id == Image.id)
        .join(WorldCoordinates, WorldCoordinates.id == Image.id)
        .where(*fits, WorldCoordinates.relative_to == target.relative_to)
        .where(in_cone(Image, target.ra, target.dec, radius_deg))
        .order_by(Image.mjd, Image.id)
    )
    return [
        image
        for image, corners in session.execute(wanted)
        if corners and contains(corners, target.ra, target.dec)
    ]


def _images(session: Session, keys: Collection[UUID]) -> list[DifferenceImage]:
    found: dict[UUID, DifferenceImage] = {}
    ordered = list(keys)
    for start in range(0, len(ordered), _IDS_AT_ONCE):
        wanted = (
            select(Image, WorldCoordinates.mapping, ZeroPoint.solution, Product.inputs, Reference.identity)
            .join(Product, Product.id == Image.id)
            .join(WorldCoordinates, WorldCoordinates.id == Image.id)
            .join(ZeroPoint, ZeroPoint.id == Image.id)
            .outerjoin(Reference, Reference.image_id == Image.ref_image_id)
            .where(Image.id.in_(ordered[start : start + _IDS_AT_ONCE]))
            .order_by(Image.mjd, Image.id)
        )
        for image, mapping, solution, inputs, reference in session.execute(wanted):
            # The same image may be the reference of more than one set; one of them was subtracted.
            subtracted = reference is not None and reference == inputs.get("reference")
            if image.id in found and not subtracted:
                continue
            (file,) = StoredFile.from_columns(image.path_stem, image.components, image.archive_state)
            found[image.id] = DifferenceImage(
                image.id,
                image.filter,
                image.mjd,
                file,
                mapping_from_document(mapping),
                photometry_from_document(solution),
                reference if subtracted else "",
            )
    return list(found.values())

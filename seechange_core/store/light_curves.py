"""Light curves in the database: what was detected, and what was measured at the place of an object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from seechange_core.frames import PhotometricSolution, SkyMapping
from seechange_core.frames.mapping import separation_deg
from seechange_core.imaging.alignment.overlap import contains
from seechange_core.models import (
    PSF,
    ForcedPhotometry,
    Image,
    Measurements,
    Object,
    Product,
    Reference,
    WorldCoordinates,
    ZeroPoint,
)
from seechange_core.models.sky_index import in_cone
from seechange_core.provenance import Provenance
from seechange_core.store.database import Database
from seechange_core.store.files import StoredFile
from seechange_core.store.formats.documents import mapping_from_document, photometry_from_document
from seechange_core.store.given_keys import given
from seechange_core.store.inserting import insert_missing
from seechange_core.store.latest import latest, only, tagged

PROCESS, VERSION = "forced_photometry", "1.0"
#: A flux that was measured so far from its source, in units of the FWHM, lacks 0.12 % with a Gaussian PSF.
MOVED_FWHM = 0.03
_ARCSEC_PER_DEG = 3600.0


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
        with self._database.read() as session:
            covering = _covering(session, target, subtraction_provenance_id)
            there = {
                row["image_id"]
                for row in _forced(session, target, [subtraction_provenance_id])
                if not row["displaced"]
            }
            return _images(session, [image for image in covering if image not in there])

    def save(self, forced: Sequence[ForcedPhotometry]) -> None:
        """Write fluxes, in place of older ones of the same provenances, objects and images."""

        def work(session: Session) -> None:
            older = delete(ForcedPhotometry).where(ForcedPhotometry.id.in_(given(row.id for row in forced)))
            session.execute(older.execution_options(synchronize_session=False))
            insert_missing(session, forced)

        self._database.transact(work)

    def forced(self, target: Object, subtraction_provenance_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Return all fluxes that were measured at the place of an object, in the order of time.

        Of an exposure and section the difference that was made last counts. ``displaced`` is True where the object has
        moved since, by more than `MOVED_FWHM` of the PSF: `unmeasured` names these images again.
        """
        with self._database.read() as session:
            return _forced(session, target, list(subtraction_provenance_ids))

    def detected(self, target: Object, tag: str) -> list[dict[str, Any]]:
        """Return the measurements of an object in the order of time.

        Parameters
        ----------
        target : Object
        tag : str
            Of the processing: what another one measured on the same images is left out, and what this one measured
            before it did so again.
        """
        table = Measurements
        wanted = (
            select(*_columns(table))
            .join(Image, Image.id == table.image_id)
            .join(Product, Product.id == table.product_id)
            .where(table.object_id == target.id, latest(tagged(tag)))
        )
        with self._database.read() as session:
            return [dict(row) for row in session.execute(wanted.order_by(table.mjd, table.id)).mappings()]


def _columns(table: Any, *more: str) -> list[Any]:
    own = ("image_id", "mjd", "filter", "flux", "flux_error", "flux_unit", *more)
    return [
        *(getattr(table, name) for name in own),
        Image.instrument,
        Image.ref_image_id.label("reference_image_id"),
        Product.badness.bitwise_or(Product.upstream_badness).label("badness"),
    ]


def _forced(session: Session, target: Any, subtractions: Sequence[str]) -> list[dict[str, Any]]:
    provenances = [forced_provenance(one).id for one in subtractions]
    table = ForcedPhotometry
    wanted = (
        select(*_columns(table, "reference_flux", "reference_flux_error", "ra", "dec"))
        .add_columns(PSF.fwhm_pixel, WorldCoordinates.mapping)
        .join(Image, Image.id == table.image_id)
        .join(Product, Product.id == table.image_id)
        .join(PSF, PSF.id == table.image_id)
        .join(WorldCoordinates, WorldCoordinates.id == table.image_id)
        .where(
            table.object_id == target.id, table.provenance_id.in_(provenances), latest(only(*subtractions))
        )
    )
    rows = [dict(row) for row in session.execute(wanted.order_by(table.mjd, table.image_id)).mappings()]
    for row in rows:
        scale_arcsec = mapping_from_document(row.pop("mapping")).pixel_scale_arcsec
        moved_arcsec = separation_deg(row.pop("ra"), row.pop("dec"), target.ra, target.dec) * _ARCSEC_PER_DEG
        row["displaced"] = bool(moved_arcsec > MOVED_FWHM * row.pop("fwhm_pixel") * scale_arcsec)
    return rows


def _covering(session: Session, target: Any, subtraction_provenance_id: str) -> list[UUID]:
    """Return the difference images that hold the place of an object, in the order of time."""
    fits = (Image.is_difference, latest(only(subtraction_provenance_id)))
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


def _images(session: Session, keys: Iterable[UUID]) -> list[DifferenceImage]:
    found: dict[UUID, DifferenceImage] = {}
    wanted = (
        select(Image, WorldCoordinates.mapping, ZeroPoint.solution, Product.inputs, Reference.identity)
        .join(Product, Product.id == Image.id)
        .join(WorldCoordinates, WorldCoordinates.id == Image.id)
        .join(ZeroPoint, ZeroPoint.id == Image.id)
        .outerjoin(Reference, Reference.image_id == Image.ref_image_id)
        .where(Image.id.in_(given(keys)))
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

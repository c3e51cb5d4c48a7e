"""One section of an exposure, or one image, with everything that was made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from seechange_core import models
from seechange_core.api import Instrument
from seechange_core.errors import StoreError
from seechange_core.frames import (
    DecisionTable,
    MatchedStarTable,
    MeasurementTable,
    ScoreTable,
    SurroundingsTable,
)
from seechange_core.models import (
    PSF,
    Background,
    Cutouts,
    DataFile,
    Decisions,
    DeepScore,
    Image,
    Measurements,
    Product,
    SourceList,
    Surroundings,
    WorldCoordinates,
    ZeroPoint,
)
from seechange_core.provenance import Provenance
from seechange_core.store.deletion import Deletion, delete_everything, plan_deletion, remove_data
from seechange_core.store.files import StoredFile
from seechange_core.store.latest import tagged
from seechange_core.store.lazy_rows import LazyExposure, LazyImage, LazyRow
from seechange_core.store.lineage import with_all_made_from
from seechange_core.store.provenances import provenance_of
from seechange_core.store.store import Store


class DataStore:
    """Finds the rows that belong to one section or image, and reads their files when they are asked for.

    Every ``get_`` method returns None (or an empty list) where there is nothing. Where there are several processings,
    it takes the one of the provenance or tag that it is given, else of `provenances`, else of `tag`, else the most
    recent one.

    Parameters
    ----------
    store : Store, optional
        Database and files; by default those of the profile that ``SEECHANGE_CONFIG`` and the environment name.
    exposure_id : UUID, optional
        Primary key of an exposure, together with `section_id`.
    section_id : str, optional
        Section of the exposure.
    image_id : UUID, optional
        Primary key of an image instead: a coadd has no exposure.
    provenances : mapping of str to str, optional
        Provenance id by process, such as those of a profile's plan.
    tag : str, optional
        Of provenances.
    instrument : Instrument, optional
        The camera, to read raw files.

    Raises
    ------
    StoreError
        If it is not clear what is meant.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        exposure_id: UUID | None = None,
        section_id: str | None = None,
        image_id: UUID | None = None,
        provenances: Mapping[str, str] | None = None,
        tag: str | None = None,
        instrument: Instrument | None = None,
    ) -> None:
        if (image_id is None) == (exposure_id is None or section_id is None):
            raise StoreError("give either exposure_id and section_id, or image_id")
        self.store = Store.of_profile() if store is None else store
        self.exposure_id = exposure_id
        self.section_id = section_id
        self.image_id = image_id
        self.provenances = dict(provenances or {})
        self.tag = tag
        self.instrument = instrument

    def session(self) -> AbstractContextManager[Session]:
        """Open an SQLAlchemy session for queries of one's own; it reads only.

        Use it as ``with data_store.session() as session: session.scalars(select(Image)).all()`` with the tables of
        `seechange_core.models`. Rows stay usable after it.
        """
        return self.store.database.read()

    def get_exposure(self) -> LazyExposure | None:
        """Return the exposure; ``.data[section]``, ``.header`` and ``.section_headers[section]`` are read lazily."""
        exposure_id = self.exposure_id
        if exposure_id is None:
            image = self.get_image()
            exposure_id = image.row.exposure_id if image else None
        if exposure_id is None:
            return None
        row = self.store.exposures.get(exposure_id)
        return LazyExposure(row, lambda: self.store.exposures.paths(row), self.instrument)

    def get_image(self, provenance: str | None = None, tag: str | None = None) -> LazyImage[Image] | None:
        """Return the image itself; ``.data``, ``.variance``, ``.mask`` and ``.header`` are read lazily."""
        found = self._first(Image, self._image_condition(), provenance, tag)
        if found is None:
            return None
        return LazyImage(found, self._reader(found, "difference" if found.is_difference else "image"))

    def get_sources(
        self, provenance: str | None = None, tag: str | None = None
    ) -> LazyRow[SourceList] | None:
        """Return the sources of the image; ``.data`` is the table."""
        return self._of_image(SourceList, "sources", provenance, tag)

    def get_psf(self, provenance: str | None = None, tag: str | None = None) -> LazyRow[PSF] | None:
        """Return the PSF of the image; ``.data`` is the model."""
        return self._of_image(PSF, "psf", provenance, tag)

    def get_background(
        self, provenance: str | None = None, tag: str | None = None
    ) -> LazyRow[Background] | None:
        """Return the background of the image; ``.data`` is the model."""
        return self._of_image(Background, "background", provenance, tag)

    def get_wcs(
        self, provenance: str | None = None, tag: str | None = None
    ) -> LazyRow[WorldCoordinates] | None:
        """Return the astrometric solution of the image; ``.data`` is the `SkyMapping`."""
        return self._of_image(WorldCoordinates, "mapping", provenance, tag)

    def get_matched_stars(
        self, provenance: str | None = None, tag: str | None = None
    ) -> MatchedStarTable | None:
        """Return the stars of the astrometric solution, with the residual of each; None if it used none."""
        solution = self.get_wcs(provenance, tag)
        if solution is None or "matched_stars" not in self._files_of(solution.id):
            return None
        return self._read(solution.id, "matched_stars")

    def get_zp(self, provenance: str | None = None, tag: str | None = None) -> LazyRow[ZeroPoint] | None:
        """Return the photometric solution of the image; ``.data`` is the `PhotometricSolution`."""
        return self._of_image(ZeroPoint, "photometry", provenance, tag)

    def get_reference(self, provenance: str | None = None, tag: str | None = None) -> LazyImage[Image] | None:
        """Return the image of the reference that the subtraction used (its provenance or tag, not the reference's)."""
        difference = self.get_subtraction(provenance, tag)
        if difference is None:
            return None
        with self.session() as session:
            row = session.get(Image, difference.row.ref_image_id)
        return None if row is None else LazyImage(row, self._reader(row, "image"))

    def get_subtraction(
        self, provenance: str | None = None, tag: str | None = None
    ) -> LazyImage[Image] | None:
        """Return the difference image; ``.product`` has its PSF, score and flux images too."""
        new = self._images(self._image_condition(), provenance, tag)
        found = self._first(Image, Image.new_image_id.in_(new), provenance, tag)
        return None if found is None else LazyImage(found, self._reader(found, "difference"))

    def get_detections(
        self, provenance: str | None = None, tag: str | None = None
    ) -> LazyRow[SourceList] | None:
        """Return the detections on the difference; ``.data`` is the table."""
        return self._of_difference(SourceList, "detections", provenance, tag)

    def get_cutouts(self, provenance: str | None = None, tag: str | None = None) -> LazyRow[Cutouts] | None:
        """Return the stamps around the detections; ``.data`` is `Stamps`."""
        return self._of_difference(Cutouts, "stamps", provenance, tag)

    def get_measurements(self, provenance: str | None = None, tag: str | None = None) -> list[Measurements]:
        """Return the measured candidates, in the order of the detections."""
        product_id = self._measuring_product(provenance, tag)
        wanted = select(Measurements).where(Measurements.product_id == product_id).order_by(Measurements.row)
        with self.session() as session:
            return list(session.scalars(wanted))

    def get_measurement_table(
        self, provenance: str | None = None, tag: str | None = None
    ) -> MeasurementTable | None:
        """Return the measured candidates with all their columns, as measuring made them."""
        product_id = self._measuring_product(provenance, tag)
        return None if product_id is None else self._read(product_id, "measurements")

    def get_decisions(self, provenance: str | None = None, tag: str | None = None) -> DecisionTable | None:
        """Return what was decided on every peak of the difference, those included that a cut deleted."""
        found: LazyRow[Decisions] | None = self._of_difference(Decisions, "decisions", provenance, tag)
        return None if found is None else found.data

    def get_surroundings(
        self, provenance: str | None = None, tag: str | None = None
    ) -> SurroundingsTable | None:
        """Return what is near the measured candidates, in the order of the measurements."""
        measured = select(Measurements.id).where(
            Measurements.image_id.in_(self._differences(provenance, tag))
        )
        condition = Surroundings.measurement_id.in_(measured)
        one = self._first(Surroundings, condition, provenance, tag)
        return None if one is None else self._read(one.product_id, "surroundings")

    def get_scores(self, provenance: str | None = None, tag: str | None = None) -> list[DeepScore]:
        """Return the scores of the candidates, scorer by scorer, in the order of the measurements."""
        condition = Measurements.product_id == self._measuring_product(None, None)
        if provenance is not None or tag is not None:
            condition = Measurements.image_id.in_(self._differences(provenance, tag))
        measured = select(Measurements.id).where(condition)
        one = self._first(DeepScore, DeepScore.measurement_id.in_(measured), provenance, tag)
        if one is None:
            return []
        wanted = (
            select(DeepScore)
            .join(Measurements, Measurements.id == DeepScore.measurement_id)
            .where(DeepScore.product_id == one.product_id)
            .order_by(DeepScore.scorer, Measurements.row)
        )
        with self.session() as session:
            return list(session.scalars(wanted))

    def get_score_table(self, provenance: str | None = None, tag: str | None = None) -> ScoreTable | None:
        """Return the scores of the candidates, one row a candidate and scorer, as scoring made them."""
        scores = self.get_scores(provenance, tag)
        return self._read(scores[0].product_id, "scores") if scores else None

    def get_provenance(self, process: str, parameters: Mapping[str, Any] | None = None) -> Provenance | None:
        """Return how something of this section was made: of a process, and with given parameters of its step.

        Parameters
        ----------
        process : str
            ``"extraction"`` ...
        parameters : mapping, optional
            Parameters that the step had, by name; those that are not named may be anything. Of several provenances the
            most recently used one is returned.
        """
        table = models.Provenance
        wanted = (
            select(table)
            .join(Product, Product.provenance_id == table.id)
            .where(Product.process == process, Product.id.in_(self._products()))
            .order_by(Product.created_at.desc(), Product.id)
        )
        named = dict(parameters or {})
        with self.session() as session:
            for row in session.scalars(wanted):
                step = row.parameters.get("step", {})
                if all(name in step and step[name] == value for name, value in named.items()):
                    return provenance_of(row)
        return None

    def remove_data_from_disk(self) -> list[StoredFile]:
        """Remove the local files of all products of this section or image; rows and archive stay."""
        return remove_data(self.store.database, self.store.files, self._keys())

    def delete_from_disk_and_database(self, *, dry_run: bool = False) -> Deletion:
        """Delete all products of this section or image, everything made from them, and their files.

        Parameters
        ----------
        dry_run : bool
            Only say what would be deleted.
        """
        if dry_run:
            return plan_deletion(self.store.database, self._keys())
        return delete_everything(self.store.database, self.store.files, self._keys())

    def _image_condition(self) -> Any:
        if self.image_id is not None:
            return Image.id == self.image_id
        return (
            (Image.exposure_id == self.exposure_id)
            & (Image.section == self.section_id)
            & Image.is_difference.is_(False)
        )

    def _of_image(self, table: Any, role: str, provenance: str | None, tag: str | None) -> Any:
        images = self._images(self._image_condition(), provenance, tag)
        return self._belonging(table, role, images, provenance, tag)

    def _of_difference(self, table: Any, role: str, provenance: str | None, tag: str | None) -> Any:
        return self._belonging(table, role, self._differences(provenance, tag), provenance, tag)

    def _belonging(
        self, table: Any, role: str, images: Select[UUID], provenance: str | None, tag: str | None
    ) -> Any:
        found = self._first(table, table.image_id.in_(images), provenance, tag)
        return None if found is None else LazyRow(found, self._reader(found, role))

    def _measuring_product(self, provenance: str | None, tag: str | None) -> UUID | None:
        differences = self._differences(provenance, tag)
        one = self._first(Measurements, Measurements.image_id.in_(differences), provenance, tag)
        return None if one is None else one.product_id

    def _differences(self, provenance: str | None, tag: str | None) -> Select[UUID]:
        new = self._images(self._image_condition(), provenance, tag)
        return self._images(Image.new_image_id.in_(new), provenance, tag)

    def _images(self, condition: Any, provenance: str | None, tag: str | None) -> Select[UUID]:
        """Return a query for the image that fits a condition.

        Where a processing is asked for, all that fit: which of them it was made from, only its own row tells.
        """
        images = select(Image.id).where(condition)
        if provenance is not None or tag is not None:
            return images
        found = self._first(Image, condition, None, None)
        return images.where(Image.id == (None if found is None else found.id))

    def _first(self, table: Any, condition: Any, provenance: str | None, tag: str | None) -> Any:
        """Return the row of a table that fits a condition and the wanted provenance; the most recent of several."""
        key = table.product_id if hasattr(table, "product_id") else table.id
        wanted = select(table).join(Product, Product.id == key).where(condition)
        wanted = self._of_provenance(wanted, provenance, tag)
        with self.session() as session:
            return session.scalars(wanted.order_by(Product.created_at.desc(), Product.id).limit(1)).first()

    def _of_provenance(self, wanted: Select[Any], provenance: str | None, tag: str | None) -> Select[Any]:
        if provenance is not None:
            return wanted.where(Product.provenance_id == provenance)
        if tag is None and self.provenances:
            return wanted.where(Product.provenance_id.in_(self.provenances.values()))
        tag = tag or self.tag
        if tag is not None:
            return wanted.where(Product.provenance_id.in_(tagged(tag)))
        return wanted

    def _reader(self, row: Any, role: str) -> Callable[[], Any]:
        return lambda: self._read(row.id, role)

    def _read(self, product_id: UUID, role: str) -> Any:
        with self.session() as session:
            identity = session.scalars(select(Product.identity).where(Product.id == product_id)).one()
        return self.store.products.load(identity, role)

    def _files_of(self, product_id: UUID) -> set[str]:
        """Return the roles of a product that have a file and no row of their own."""
        with self.session() as session:
            return set(session.scalars(select(DataFile.role).where(DataFile.product_id == product_id)))

    def _products(self) -> Select[UUID]:
        """Return a query for all products of this section, or for the image and what was made from it."""
        if self.image_id is None:
            place = (Product.exposure_id == self.exposure_id) & (Product.place == self.section_id)
            return select(Product.id).where(place)
        return with_all_made_from([self.image_id])

    def _keys(self) -> list[UUID]:
        with self.session() as session:
            return list(session.scalars(self._products()))

"""One section of an exposure as a unit of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, singledispatchmethod
from pathlib import Path
from typing import Any

from seechange_core.errors import InputError, MissingInput
from seechange_core.frames import AsteroidTable, PsfModel, SkyMapping, StarTable
from seechange_core.imaging.astrometry.observer import Place
from seechange_core.pipeline import PlannedStep
from seechange_core.runner.measured_sensor import MeasuredSensor
from seechange_core.runner.other_sections import OtherSections
from seechange_core.runner.products import Products
from seechange_core.runner.services import Services
from seechange_core.runner.star_excerpts import bind_stars, fetch_stars, fetch_used_stars
from seechange_core.steps.step import (
    AsteroidRequest,
    CalibrationRequest,
    CatalogRequest,
    FrameRequest,
    ReferenceRequest,
    ReferenceSources,
    ReferenceSourcesRequest,
    Request,
    SuppliedPsfRequest,
    UsedStarsRequest,
)
from seechange_core.store.record import Observation


@dataclass
class ExposureSection:
    """A CCD of an exposure.

    Parameters
    ----------
    services : Services
        Of this process.
    exposure : models.Exposure
        Its row.
    files : tuple of Path
        Where its files are.
    section : str
        Which CCD.
    """

    services: Services
    exposure: Any
    files: tuple[Path, ...]
    section: str
    _first_mapping: SkyMapping | None = field(default=None, init=False)
    _info: Mapping[str, Any] | None = field(default=None, init=False)

    @property
    def place(self) -> str:
        """The section."""
        return self.section

    @property
    def origin(self) -> Mapping[str, str]:
        """The exposure, and what was measured of the section."""
        return {"exposure": self.exposure.identity, **self._sensor.origin}

    def origin_inputs(self) -> Mapping[str, Any]:
        """Read the raw section."""
        instrument = self.services.instrument
        section = instrument.read(self.files, self.section)
        self._first_mapping = instrument.first_mapping(section.header, section.info)
        self._info = section.info
        others = OtherSections(instrument, self.files, self.exposure.sections)
        return {"section": self._sensor.described(section).replaced(others=others)}

    def observation(self, products: Products) -> Observation:
        """Describe the image of this section."""
        info = self._told(products)
        return Observation(
            instrument=self.exposure.instrument,
            filter=self._filter(products),
            mjd=float(info.get("mjd", self.exposure.mjd)),
            exposure_s=float(info.get("exposure_s", self.exposure.exposure_s)),
            exposure_id=self.exposure.id,
            section=self.section,
            project=self.exposure.project,
            target=self.exposure.target,
            mapping=products.get("mapping", self._first_mapping),
        )

    def _filter(self, products: Products) -> str:
        row = self.exposure
        return str(
            self._told(products).get("filter") or row.filter or row.section_filters.get(self.section, "")
        )

    def _told(self, products: Products) -> Mapping[str, Any]:
        """Return what the camera tells of the section, read as this profile says.

        The row of the exposure holds what the profile that registered it made of the header.
        """
        if self._info is None:
            self._info = products["image"].info
        return self._info

    @cached_property
    def _supplied_psf(self) -> PsfModel | None:
        psf: PsfModel | None = self.services.instrument.supplied_psf(self.files, self.section)
        return psf

    @cached_property
    def _sensor(self) -> MeasuredSensor:
        row = self.exposure
        return MeasuredSensor.at(self.services.store, row.instrument, self.section, row.mjd)

    @singledispatchmethod
    def bind(self, request: Request, planned: PlannedStep, products: Products) -> Mapping[str, str]:
        """Choose what fills a request; see `Unit`."""
        raise TypeError(f"{type(request).__name__} cannot be filled for a section of an exposure")

    @bind.register
    def _(self, request: CalibrationRequest, planned: PlannedStep, products: Products) -> Mapping[str, str]:
        chosen: dict[str, str] = {}
        for kind in request.kinds:
            found = self.services.store.calibrations.find(
                kind=kind,
                instrument=self.exposure.instrument,
                section=self.section,
                filter=self._filter(products),
                mjd=self.exposure.mjd,
            )
            if found:
                chosen[f"calibration.{kind}"] = found
            elif kind not in request.optional:
                raise MissingInput(
                    kind,
                    f"no {kind} of {self.exposure.instrument} {self.section} is valid on MJD {self.exposure.mjd:.3f}: "
                    f"make one with 'seechange calibration build {kind}', or add {kind} to preprocessing.optional",
                )
        return chosen

    @bind.register
    def _(
        self, request: CatalogRequest | FrameRequest, planned: PlannedStep, products: Products
    ) -> Mapping[str, str]:
        return bind_stars(request, planned, self.services)

    @bind.register
    def _(self, request: SuppliedPsfRequest, planned: PlannedStep, products: Products) -> Mapping[str, str]:
        supplied = self._supplied_psf
        return {} if supplied is None else {request.role: supplied.sha256}

    @bind.register
    def _(self, request: ReferenceRequest, planned: PlannedStep, products: Products) -> Mapping[str, str]:
        image, instrument = products["image"], request.instrument or self.exposure.instrument
        found = self.services.store.references.find(
            reference_set=request.reference_set,
            instrument=instrument,
            filter=self._filter(products),
            footprint=products["mapping"].footprint(image.shape),
            min_overlap=request.min_overlap,
        )
        if not found:
            raise MissingInput(
                "reference",
                f"no {instrument} reference of the set {request.reference_set!r} in {self._filter(products)} covers "
                f"{request.min_overlap:.0%} of this section: make one with 'seechange reference build'",
            )
        return {request.role: found}

    @bind.register
    def _(
        self,
        request: ReferenceSourcesRequest | UsedStarsRequest,
        planned: PlannedStep,
        products: Products,
    ) -> Mapping[str, str]:
        # What was subtracted, or used, is bound by the steps that did so.
        return {}

    @bind.register
    def _(self, request: AsteroidRequest, planned: PlannedStep, products: Products) -> Mapping[str, str]:
        return {request.role: self.services.store.orbits.identity(Path(request.orbits).expanduser())}

    @singledispatchmethod
    def fetch(
        self, request: Request, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> Any:
        """Load what was chosen; see `Unit`."""
        raise TypeError(f"{type(request).__name__} cannot be filled for a section of an exposure")

    @fetch.register
    def _(
        self, request: CalibrationRequest, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> Any:
        prefix = "calibration."
        return {
            role.removeprefix(prefix): self.services.store.calibrations.load(identity)
            for role, identity in bound.items()
            if role.startswith(prefix)
        }

    @fetch.register
    def _(
        self,
        request: CatalogRequest | FrameRequest,
        bound: Mapping[str, str],
        planned: PlannedStep,
        products: Products,
    ) -> Any:
        return fetch_stars(request, bound, planned, self.services)

    @fetch.register
    def _(
        self, request: SuppliedPsfRequest, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> Any:
        supplied = self._supplied_psf
        if bound.get(request.role) != (supplied and supplied.sha256):
            raise InputError(
                f"the PSF model supplied with {self.files[0].name} {self.section} changed after work on it began; "
                "put the old one back, or delete what was made of the section and process it again"
            )
        return supplied

    @fetch.register
    def _(
        self, request: ReferenceRequest, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> Any:
        return self.services.store.references.load(bound[request.role])

    @fetch.register
    def _(
        self,
        request: ReferenceSourcesRequest,
        bound: Mapping[str, str],
        planned: PlannedStep,
        products: Products,
    ) -> ReferenceSources:
        reference = products.inputs["difference"]["reference"]
        return ReferenceSources(**self.services.store.references.load_sources(reference))

    @fetch.register
    def _(
        self, request: UsedStarsRequest, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> StarTable | None:
        return fetch_used_stars(request, products, self.services)

    @fetch.register
    def _(
        self, request: AsteroidRequest, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> AsteroidTable:
        site = self.services.instrument.site
        return self.services.store.orbits.seen(
            Path(request.orbits).expanduser(),
            bound[request.role],
            ra_deg=request.ra_deg,
            dec_deg=request.dec_deg,
            radius_deg=request.radius_deg,
            mjd=request.mjd,
            place=site and Place(site.longitude_deg, site.latitude_deg, site.elevation_m),
        )

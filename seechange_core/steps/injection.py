"""Injection: artificial sources in a calibrated image, to learn what a search finds of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from seechange_core.api import Params, parameter
from seechange_core.errors import Rejected
from seechange_core.frames import FakeTable, Floats, PhotometricSolution, SkyMapping, unusable
from seechange_core.frames.fakes import GALAXY, SKY, STAR
from seechange_core.frames.photometry import NJY_ZERO_POINT
from seechange_core.steps.step import ReferenceSourcesRequest, Request, Step, StepContext, StepResult


class InjectionParams(Params):
    """How many sources are injected, where, and how bright."""

    number: int = parameter(200, description="Sources, fewer where there is no room", ge=10, le=20_000)
    galaxy_fraction: float = parameter(
        0.4, description="Part of them on galaxies that the reference shows", ge=0, le=1
    )
    star_fraction: float = parameter(0.1, description="Part of them that are changes of stars", ge=0, le=1)
    negative_fraction: float = parameter(
        0.2, description="Part of them that take light away, as what faded does", ge=0, le=1
    )
    brightest: float = parameter(
        -2.0, description="Brightest, relative to the limit of the image (5 sigma, empty sky)", unit="mag"
    )
    faintest: float = parameter(1.0, description="Faintest, likewise", unit="mag")

    @model_validator(mode="after")
    def _makes_sense(self) -> InjectionParams:
        if self.galaxy_fraction + self.star_fraction > 1:
            raise ValueError(
                f"galaxy_fraction and star_fraction together are {self.galaxy_fraction + self.star_fraction:g}; "
                "at most 1, the rest is on empty sky"
            )
        if not self.brightest < self.faintest:
            raise ValueError(f"brightest ({self.brightest:g}) must be less than faintest ({self.faintest:g})")
        return self


class Injection(Step):
    """Put point sources on empty sky, on galaxies and on stars, with magnitudes that are evenly spaced.

    They have the PSF of their place and the flux that the photometric solution gives there, with the noise of their own
    photons. Pixels that become saturated are marked. Places are chosen where new image and reference can be used, away
    from each other and from what was detected without them.
    """

    process: ClassVar[str] = "injection"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = InjectionParams
    inputs: ClassVar[tuple[str, ...]] = (
        "image",
        "sources",
        "psf",
        "mapping",
        "photometry",
        "aligned_reference",
        "detections",
    )
    outputs: ClassVar[tuple[str, ...]] = ("image", "fakes")

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Ask for the sources of the reference, among which are the galaxies."""
        return (ReferenceSourcesRequest(),)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``image``: `Frame`, and ``fakes``: `FakeTable`.

        Raises
        ------
        Rejected
            If the limit of the image is unknown, or there is no room for any source.
        """
        from seechange_core.imaging.masked_pixels import grown
        from seechange_core.simulation.fake_places import FakePlaces, on_pixels_of
        from seechange_core.simulation.injection import inject_point_sources

        image, sources, psf = inputs["image"], inputs["sources"], inputs["psf"]
        limit_electron = float(sources.meta.get("limiting_flux_electron", np.nan))
        if not limit_electron > 0:
            raise Rejected("the limit of the image is unknown, so nobody can say how bright fakes should be")
        rng = context.random()
        covered = ~grown(unusable(image.mask) | unusable(inputs["aligned_reference"].mask), psf.fwhm)
        changed = np.stack([inputs["detections"][axis] for axis in "xy"], axis=1)
        reference = inputs["reference_sources"]
        deep_sources = on_pixels_of(inputs["mapping"], reference.sources, reference.mapping)
        places = FakePlaces(rng, covered, sources, deep_sources, psf.fwhm, changed)
        brightest_electron = limit_electron * 10.0 ** (-0.4 * params.brightest)
        on_galaxies = places.on_galaxies(round(params.galaxy_fraction * params.number))
        on_stars = places.on_stars(round(params.star_fraction * params.number), brightest_electron)
        on_sky = places.on_sky(params.number - len(on_galaxies) - len(on_stars))
        by_environment = {SKY: on_sky, GALAXY: on_galaxies, STAR: on_stars}
        x, y = np.concatenate(list(by_environment.values())).T
        if not len(x):
            raise Rejected("there is no room for a source to be injected that image and reference cover")
        numbers = {name: len(chosen) for name, chosen in by_environment.items()}
        fainter_mag, sign = _brightness(rng, params, list(numbers.values()))
        fakes = _table(x, y, inputs["mapping"], inputs["photometry"], sign * limit_electron, fainter_mag)
        fakes = fakes.with_columns(environment=np.repeat(list(numbers), list(numbers.values())))
        saturation_electron = float(image.info.get("saturation_electron") or np.inf)
        injected = inject_point_sources(
            image, psf, x, y, fakes["flux_electron"], rng, saturation_electron=saturation_electron
        )
        metrics = {f"n_{name}": number for name, number in numbers.items()}
        metrics["n_negative"] = int(np.count_nonzero(sign < 0))
        return StepResult({"image": injected, "fakes": fakes}, metrics)


def _brightness(
    rng: np.random.Generator, params: InjectionParams, numbers: list[int]
) -> tuple[Floats, Floats]:
    """Return magnitudes relative to the limit, a grid for each environment, and signs."""
    grids = [
        rng.permutation(np.linspace(params.brightest, params.faintest, number, endpoint=True))
        for number in numbers
    ]
    signs = [
        rng.permutation(np.where(np.arange(number) < round(params.negative_fraction * number), -1.0, 1.0))
        for number in numbers
    ]
    return np.concatenate(grids), np.concatenate(signs)


def _table(
    x: Floats,
    y: Floats,
    mapping: SkyMapping,
    photometry: PhotometricSolution,
    limit_electron: Floats,
    fainter_mag: Floats,
) -> FakeTable:
    """Return fakes whose brightness is even in calibrated flux: the same magnitude is the same light at all places."""
    factor = photometry.flux_per_electron_at(x, y)
    flux = limit_electron * 10.0 ** (-0.4 * fainter_mag) * np.median(factor)
    ra, dec = mapping.pixel_to_sky(x, y)
    columns = {
        "x": x,
        "y": y,
        "ra": ra,
        "dec": dec,
        "flux_electron": flux / factor,
        "flux": flux,
        "magnitude": NJY_ZERO_POINT - 2.5 * np.log10(np.abs(flux))
        if photometry.calibrated
        else np.full(len(x), np.nan),
        "environment": np.full(len(x), SKY),
    }
    return FakeTable(columns, {"flux_unit": photometry.flux_unit})

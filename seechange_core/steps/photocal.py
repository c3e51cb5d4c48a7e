"""Photocal: what an electron is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from seechange_core.api import Params, parameter
from seechange_core.frames import Frame
from seechange_core.params import Slot
from seechange_core.steps.catalog_region import region_of
from seechange_core.steps.gates import GatedParams
from seechange_core.steps.step import CatalogRequest, FrameRequest, Request, Step, StepContext, StepResult

_ARCSEC_PER_DEG = 3600.0


class PhotocalParams(GatedParams):
    """Which stars are asked for, and what is trusted."""

    quantities: ClassVar[Mapping[str, str]] = {
        "zero_point": "clouds",
        "zero_point_per_s": "clouds",
        "limiting_magnitude": "other",
        "zero_point_error": "bad_photometry",
        "scatter_mag": "bad_photometry",
        "n_stars": "bad_photometry",
    }

    margin_arcsec: float = parameter(
        240.0,
        description="How far around the image stars are asked for; as in astrocal, so that both share an excerpt",
        unit="arcsec",
        ge=0,
        le=3600,
    )
    magnitude_limit: float = parameter(
        20.5, description="Faintest catalogue star, in the catalogue's main band", unit="mag", ge=5, le=30
    )


class Photocal(Step):
    """Find the zero point."""

    process: ClassVar[str] = "photocal"
    version: ClassVar[str] = "1.2"
    Params: ClassVar[type[Params]] = PhotocalParams
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("calibrator", stage="photometry"),
        Slot("catalog", name="catalog"),
    )
    inputs: ClassVar[tuple[str, ...]] = ("image", "sources", "mapping")
    outputs: ClassVar[tuple[str, ...]] = ("photometry",)

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Ask for the stars on the image, or those that all is relative to."""
        if context.component().frame:
            return (FrameRequest(context.component().frame),)
        if not context.component().needs_catalog:
            return ()
        image: Frame = inputs["image"]
        margin_deg = params.margin_arcsec / _ARCSEC_PER_DEG
        region = region_of(inputs["mapping"], image.shape, margin_deg, params.magnitude_limit)
        return (CatalogRequest(region, float(image.info["mjd"])),)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``photometry``: `PhotometricSolution`.

        Raises
        ------
        Rejected
            If too few stars match or they scatter too much.
        """
        image: Frame = inputs["image"]
        transformation = context.instrument.transformations.get(image.info.get("filter", ""))
        solution, metrics = context.component().solve(
            image, inputs["sources"], inputs["mapping"], inputs.get("stars"), transformation
        )
        exposure_s = float(image.info.get("exposure_s") or 0.0)
        limiting_flux = inputs["sources"].meta.get("limiting_flux_electron") or 0.0
        if solution.calibrated and limiting_flux > 0:
            depth = solution.zero_point - 2.5 * math.log10(limiting_flux)
            metrics = {**metrics, "limiting_magnitude": depth}
        if solution.calibrated and exposure_s > 0:
            # What the gate compares with the usual: exposures of any length alike.
            metrics = {**metrics, "zero_point_per_s": solution.zero_point - 2.5 * math.log10(exposure_s)}
        return StepResult({"photometry": solution}, metrics)

"""Astrocal: where the pixels of an image lie on the sky."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seechange_core.api import Params, parameter
from seechange_core.errors import InputError, Rejected
from seechange_core.frames import Frame, SkyMapping
from seechange_core.params import Slot
from seechange_core.steps.catalog_region import region_of
from seechange_core.steps.gates import GatedParams
from seechange_core.steps.step import CatalogRequest, FrameRequest, Request, Step, StepContext, StepResult

_ARCSEC_PER_DEG = 3600.0


class AstrocalParams(GatedParams):
    """Which stars are asked for, and what is trusted."""

    quantities: ClassVar[Mapping[str, str]] = {
        "n_stars": "bad_astrometry",
        "rms_mas": "bad_astrometry",
        "offset_arcsec": "bad_astrometry",
    }

    margin_arcsec: float = parameter(
        240.0,
        description="How far around the image catalogue stars are asked for; no less than the pointing may be off",
        unit="arcsec",
        ge=0,
        le=3600,
    )
    magnitude_limit: float = parameter(
        20.5, description="Faintest catalogue star, in the catalogue's main band", unit="mag", ge=5, le=30
    )


class Astrocal(Step):
    """Find the mapping from pixels to the sky."""

    process: ClassVar[str] = "astrocal"
    version: ClassVar[str] = "1.2"
    Params: ClassVar[type[Params]] = AstrocalParams
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("calibrator", stage="astrometry"),
        Slot("catalog", name="catalog"),
    )
    inputs: ClassVar[tuple[str, ...]] = ("image", "sources")
    outputs: ClassVar[tuple[str, ...]] = ("mapping", "matched_stars")

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Ask for the stars around where the header says that the image is, or those that all is relative to."""
        if context.component().frame:
            return (FrameRequest(context.component().frame),)
        image: Frame = inputs["image"]
        first = first_mapping(image, context)
        if first is None or not context.component().needs_catalog:
            return ()
        margin_deg = params.margin_arcsec / _ARCSEC_PER_DEG
        region = region_of(first, image.shape, margin_deg, params.magnitude_limit)
        return (CatalogRequest(region, float(image.info["mjd"])),)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``mapping``: `SkyMapping`, and ``matched_stars``: `MatchedStarTable`, if the solver has it.

        Raises
        ------
        Rejected
            If the header tells no first mapping, or no solution can be trusted.
        """
        image: Frame = inputs["image"]
        first = first_mapping(image, context)
        if first is None:
            raise Rejected(
                "the header tells neither a WCS nor a pointing: there is nothing to start the astrometry from"
            )
        mapping, metrics = context.component().solve(image, inputs["sources"], first, inputs.get("stars"))
        metrics, outputs = dict(metrics), {"mapping": mapping}
        if "matched_stars" in metrics:
            outputs["matched_stars"] = metrics.pop("matched_stars")
        return StepResult(outputs, metrics)


def first_mapping(image: Frame, context: StepContext) -> SkyMapping | None:
    """Return the mapping to start from: a coadd's own, else what the instrument makes of the header."""
    from seechange_core.imaging.astrometry.wcs_cards import mapping_from_cards

    try:
        if image.info.get("coadd"):
            return mapping_from_cards(image.header, "the coadd's header")
        found: SkyMapping | None = context.instrument.first_mapping(image.header, image.info)
    except InputError as error:
        raise Rejected(f"the WCS of the header cannot be read: {error}") from error
    return found

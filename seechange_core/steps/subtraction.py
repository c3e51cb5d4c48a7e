"""Subtraction: what is left of a new image without its reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from seechange_core.api import Params, parameter
from seechange_core.frames import AlignedPair, Difference, PhotometricSolution
from seechange_core.params import Slot
from seechange_core.steps.step import (
    CalibratedImage,
    ReferenceRequest,
    Request,
    Step,
    StepContext,
    StepResult,
)

if TYPE_CHECKING:
    from seechange_core.imaging.subtraction.flux_agreement import FluxAgreement

_TRUSTED_FLUX_RATIO_ERROR = 0.005


class SubtractionParams(Params):
    """Which reference is subtracted, and how well it is taken to fit."""

    reference_set: str = parameter("default", description="Name of the set of references", min_length=1)
    reference_instrument: str | None = parameter(
        None, description="Camera whose references are subtracted; by default the image's own", min_length=1
    )
    min_overlap: float = parameter(
        0.85, description="Least part of the new image that the reference has to cover", ge=0, le=1
    )
    unmeasured_registration_error: float = parameter(
        0.1,
        description="Misregistration along each axis that is allowed for where too few stars measure it",
        unit="pixel",
        ge=0,
        le=5,
    )


class Subtraction(Step):
    """Bring the reference to the new image's pixels and subtract it."""

    process: ClassVar[str] = "subtraction"
    version: ClassVar[str] = "1.3"
    Params: ClassVar[type[Params]] = SubtractionParams
    slots: ClassVar[tuple[Slot, ...]] = (Slot(kind="subtractor"),)
    inputs: ClassVar[tuple[str, ...]] = ("image", "background", "sources", "psf", "mapping", "photometry")
    outputs: ClassVar[tuple[str, ...]] = ("difference", "aligned_reference")

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Ask for the reference."""
        return (ReferenceRequest(params.reference_set, params.min_overlap, params.reference_instrument),)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``difference``: `Difference` with a score, and ``aligned_reference``: `Frame`.

        Where stars of both images know the flux ratio better than to half a per cent, theirs is used rather than that
        of the zero points, so that stars vanish also where a zero point is off.

        Metrics are those of the alignment and of the subtractor, and ``star_flux_ratio`` (flux ratio of the stars,
        divided by that of the zero points), ``star_flux_ratio_error``, ``star_flux_ratio_variation`` (scatter over
        parts of the image), ``n_flux_ratio_stars``; ``score_scatter``: robust standard deviation of the score where
        there are neither sources nor unusable pixels, 1 if all noise is known; those of `star_residuals`; and the
        5 sigma limit of a point source, ``difference_limiting_flux_electron`` and ``difference_limiting_magnitude``.

        Where ``inputs`` has ``before``: `SubtractedBefore`, of the same image before sources were injected, the
        reference is neither needed nor aligned, and nothing but the difference is made again.
        """
        from seechange_core.imaging.subtraction.flux_agreement import flux_agreement
        from seechange_core.imaging.subtraction.point_source_score import with_score
        from seechange_core.imaging.subtraction.score_scatter import score_scatter
        from seechange_core.imaging.subtraction.star_residuals import star_residuals
        from seechange_core.steps.alignment import align, scaled_reference
        from seechange_core.steps.repeated_subtraction import repeated

        new = CalibratedImage(*(inputs[role] for role in self.inputs))
        before = inputs.get("before")
        if before is not None:
            known = before.difference
            again = repeated(context.component(), new, before, _flux_ratio_error(known.metrics))
            difference = replace(with_score(again), ref_psf=known.ref_psf, metrics=known.metrics)
            outputs = {"difference": difference, "aligned_reference": before.aligned_reference}
            return StepResult(outputs, known.metrics)
        alignment = align(
            new, inputs["reference"], unmeasured_registration_error=params.unmeasured_registration_error
        )
        agreement = flux_agreement(alignment.pair, new.sources)
        pair = _with_stars_flux_ratio(alignment.pair, agreement)
        difference = replace(with_score(context.component().subtract(pair)), ref_psf=pair.ref_psf)
        metrics = {
            **alignment.metrics,
            **difference.metrics,
            **_agreement_metrics(agreement),
            "score_scatter": score_scatter(difference, new.sources["x"], new.sources["y"]),
            **star_residuals(difference, new.sources),
            **_depth_metrics(difference, new.photometry),
        }
        difference = replace(difference, metrics=metrics)
        return StepResult({"difference": difference, "aligned_reference": scaled_reference(pair)}, metrics)


def _agreement_metrics(agreement: FluxAgreement) -> dict[str, Any]:
    if not agreement.n_stars:
        return {"n_flux_ratio_stars": 0}
    return {
        "n_flux_ratio_stars": agreement.n_stars,
        "star_flux_ratio": agreement.ratio,
        "star_flux_ratio_error": agreement.error,
        "star_flux_ratio_variation": agreement.variation,
    }


def _depth_metrics(difference: Difference, photometry: PhotometricSolution) -> dict[str, float]:
    from seechange_core.imaging.subtraction.star_residuals import difference_limiting_flux

    flux = difference_limiting_flux(difference)
    if flux is None:
        return {}
    metrics = {"difference_limiting_flux_electron": flux}
    if photometry.calibrated and flux > 0:
        metrics["difference_limiting_magnitude"] = photometry.zero_point - 2.5 * math.log10(flux)
    return metrics


def _with_stars_flux_ratio(pair: AlignedPair, agreement: FluxAgreement) -> AlignedPair:
    if agreement.error > _TRUSTED_FLUX_RATIO_ERROR:
        return pair
    return replace(
        pair,
        flux_ratio=pair.flux_ratio * agreement.ratio,
        flux_ratio_error=math.hypot(agreement.error, agreement.variation),
    )


def _flux_ratio_error(metrics: Mapping[str, Any]) -> float:
    """Return the error of the flux ratio of an earlier subtraction, as `_with_stars_flux_ratio` has it."""
    error = float(metrics.get("star_flux_ratio_error", math.inf))
    if error > _TRUSTED_FLUX_RATIO_ERROR:
        return 0.0
    return math.hypot(error, float(metrics["star_flux_ratio_variation"]))

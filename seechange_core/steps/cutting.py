"""Cutting: small images of every candidate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import field_validator

from seechange_core.api import Params, parameter
from seechange_core.steps.step import Step, StepContext, StepResult


class CuttingParams(Params):
    """What the stamps are like."""

    size: int = parameter(41, description="Side of a stamp, odd", unit="pixel", ge=5, le=511)
    score: bool = parameter(
        True, description="Whether the score is cut, too, which takes a fifth of the file"
    )

    @field_validator("size")
    @classmethod
    def _odd(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError(f"must be odd, so that a pixel is in the middle; {size} is even")
        return size


class Cutting(Step):
    """Cut new image, reference, difference and its score around every detection."""

    process: ClassVar[str] = "cutting"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = CuttingParams
    inputs: ClassVar[tuple[str, ...]] = (
        "image",
        "background",
        "difference",
        "aligned_reference",
        "detections",
    )
    outputs: ClassVar[tuple[str, ...]] = ("stamps",)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``stamps``: `Stamps` in the order of the detections."""
        from seechange_core.imaging.background.smooth_background import without_sky
        from seechange_core.imaging.stamps import cut_triplets

        detections, difference = inputs["detections"], inputs["difference"]
        stamps = cut_triplets(
            detections["x"],
            detections["y"],
            params.size,
            without_sky(inputs["image"], inputs["background"]).data,
            inputs["aligned_reference"].data,
            difference.data,
            difference.mask,
            difference.score if params.score else None,
        )
        return StepResult({"stamps": stamps}, {"n_stamps": stamps.n_candidates})

"""Detection: peaks of the score of a difference image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import Params, parameter
from seechange_core.errors import Rejected
from seechange_core.frames import DetectionTable, Difference
from seechange_core.steps.step import Step, StepContext, StepResult


class DetectionParams(Params):
    """What counts as a detection."""

    threshold: float = parameter(
        5.0, description="Least absolute significance of a detection", unit="sigma", gt=0
    )
    deblend_rise: float = parameter(
        3.0,
        description="A peak is a source of its own if it rises so much above the saddle to a higher one",
        unit="sigma",
        gt=0,
    )
    deblend_contrast: float = parameter(
        0.02,
        description="Such a peak also needs more than this part of the height of the higher one",
        ge=0,
        lt=1,
    )
    noise_block: int = parameter(
        128,
        description="Side of the blocks in which the scatter of the significance is measured",
        unit="pixel",
        ge=32,
    )
    noise_tolerance: float = parameter(
        0.15,
        description="Where the scatter is above 1 by more than this, the significance is divided by it",
        gt=0,
    )
    max_detections: int = parameter(
        20_000, description="A difference with more of them is rejected as a failed subtraction", ge=1
    )


class Detection(Step):
    """Find where the sky became brighter or fainter.

    Both signs are found alike, and neither hides the other. The dark ring of a bright source and the two lobes of a
    misaligned star are reported as they are; measuring tells them from sources by the light of opposite sign beside
    them.
    """

    process: ClassVar[str] = "detection"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = DetectionParams
    inputs: ClassVar[tuple[str, ...]] = ("difference",)
    outputs: ClassVar[tuple[str, ...]] = ("detections",)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``detections``: `DetectionTable`, row by row of the image."""
        detections = detect(inputs["difference"], params)
        n_positive = int(np.count_nonzero(detections["score"] > 0))
        metrics = {
            "n_detections": detections.n_rows,
            "n_positive": n_positive,
            "n_negative": detections.n_rows - n_positive,
            "n_noisy": int(np.count_nonzero(detections["noise"] > 1)),
        }
        if detections.n_rows > params.max_detections:
            raise Rejected(
                f"{detections.n_rows} detections; at most {params.max_detections} are believed "
                "(detection.max_detections)",
                metrics,
            )
        return StepResult({"detections": detections}, metrics)


def detect(difference: Difference, params: DetectionParams) -> DetectionTable:
    """Find peaks of the score; ``meta`` has the parameters that say what was noise there.

    Raises
    ------
    ValueError
        If the difference has no score.
    """
    from seechange_core.imaging.candidates.local_noise import local_noise
    from seechange_core.imaging.masked_pixels import planes_within
    from seechange_core.imaging.peaks import find_peaks

    score = difference.score
    if score is None:
        raise ValueError(
            "the difference has no score; the subtraction step computes one where an algorithm does not"
        )
    peaks = find_peaks(
        score, params.threshold, min_rise=params.deblend_rise, min_contrast=params.deblend_contrast
    )
    noise = local_noise(score, params.noise_block, params.noise_tolerance).at(peaks.x, peaks.y)
    core_radius = max(difference.psf.fwhm / 2, 0.5)
    planes, unusable_fraction = planes_within(difference.mask, peaks.x, peaks.y, core_radius)
    columns = {
        "x": peaks.x,
        "y": peaks.y,
        "score": peaks.value / noise,
        "noise": noise,
        "n_pixels": peaks.n_pixels,
        "footprint": peaks.footprint,
        "mask": planes,
        "unusable_fraction": unusable_fraction,
    }
    meta = {name: getattr(params, name) for name in ("threshold", "noise_block", "noise_tolerance")}
    table = DetectionTable(columns, meta)
    return table.rows(np.abs(table["score"]) >= params.threshold)

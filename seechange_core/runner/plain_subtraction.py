"""Subtraction of two plain images without a database: extraction, registration and subtraction as in the chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seechange_core.frames import AlignedPair, Difference, Frame, PsfModel
from seechange_core.profile import Profile
from seechange_core.steps.alignment import align
from seechange_core.steps.extraction import Extraction
from seechange_core.steps.plain_images import Extract, MeasuredPair, PlainImage, measured_pair
from seechange_core.steps.step import StepContext, StepResult
from seechange_core.steps.subtraction import Subtraction


@dataclass(frozen=True)
class PlainSubtraction:
    """What is left of a new image, and what it was made of.

    Parameters
    ----------
    measured : MeasuredPair
        Both images.
    difference : Difference
        With a score.
    aligned_reference : Frame
        On the pixels of the new image, in its electrons, without sky.
    metrics : dict
        Those of the step.
    """

    measured: MeasuredPair
    difference: Difference
    aligned_reference: Frame
    metrics: dict[str, Any]


def measure_plain_pair(new: PlainImage, reference: PlainImage, profile: Profile) -> MeasuredPair:
    """Measure two plain images with the extraction that a profile describes; see `steps.plain_images`."""
    estimator = profile.components(Extraction.process)["background"][0]
    return measured_pair(new, reference, estimator.measure, _extraction(profile))


def subtract_plain_pair(measured: MeasuredPair, profile: Profile) -> PlainSubtraction:
    """Subtract a measured pair as a profile says.

    Raises
    ------
    Rejected
        If the subtraction finds the pair to be beyond use.
    """
    inputs = {role: getattr(measured.new, role) for role in Subtraction.inputs}
    context = StepContext(profile.components(Subtraction.process), None)
    result = Subtraction().run(
        {**inputs, "reference": measured.reference}, profile.parameters(Subtraction.process), context
    )
    outputs = result.outputs
    return PlainSubtraction(
        measured, outputs["difference"], outputs["aligned_reference"], dict(result.metrics)
    )


def align_plain_pair(measured: MeasuredPair, profile: Profile) -> AlignedPair:
    """Bring a measured pair to one grid, as a subtractor wants it."""
    error = profile.parameters(Subtraction.process).unmeasured_registration_error
    return align(measured.new, measured.reference, unmeasured_registration_error=error).pair


def _extraction(profile: Profile) -> Extract:
    params, components = profile.parameters(Extraction.process), profile.components(Extraction.process)
    supplied = profile.registry.component("calibrator", "supplied")()

    def extract(frame: Frame, psf: PsfModel | None) -> StepResult:
        slots = components if psf is None else {**components, "psf": (supplied,)}
        return Extraction().run({"image": frame, "supplied_psf": psf}, params, StepContext(slots, None))

    return extract

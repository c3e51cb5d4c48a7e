"""Simulated pairs that were searched, and that sources can be injected into, without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from seechange_core.frames import PhotometricSolution
from seechange_core.pipeline import Plan, PlannedStep, exposure_plan, injection_plan, process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.injected_search import search_in_memory
from seechange_core.runner.known_pairs import plain_images
from seechange_core.runner.plain_subtraction import measure_plain_pair
from seechange_core.simulation.image_pair import PairConditions, image_pair
from seechange_core.simulation.pair import SimulatedPair
from seechange_core.steps.step import (
    CalibratedImage,
    ReferenceRequest,
    ReferenceSources,
    ReferenceSourcesRequest,
    Request,
    StepContext,
    StepResult,
)
from seechange_core.steps.subtraction import Subtraction

_ZERO_POINT = 27.0
_MJD = 61000.0


@dataclass
class InjectedPair:
    """A simulated pair on the way through subtraction, detection and injection.

    Parameters
    ----------
    simulated : SimulatedPair
        The truth.
    new, reference : CalibratedImage
        As measured from the pixels, with a zero point of 27.
    plan, branch : Plan
        From subtraction to detection, and the injection plan.
    instrument : Instrument
        The camera of the profile.
    """

    simulated: SimulatedPair
    new: CalibratedImage
    reference: CalibratedImage
    plan: Plan
    branch: Plan
    instrument: Any

    @classmethod
    def simulate(
        cls, seed: int, shape: tuple[int, int], conditions: PairConditions, assignments: Sequence[str] = ()
    ) -> InjectedPair:
        """Simulate a pair and measure both images from their pixels, as a profile with assignments does it."""
        profile = load_profile(
            Registry(), process_schemas(), instrument="fits", assignments=assignments, environment={}
        )
        simulated = image_pair(seed, shape, conditions)
        measured = measure_plain_pair(*plain_images(simulated, conditions), profile)
        new, reference = (_calibrated(image) for image in (measured.new, measured.reference))
        plan = exposure_plan(profile).through("detection")
        return cls(simulated, new, reference, plan, injection_plan(profile), profile.instrument())

    @cached_property
    def subtracted(self) -> StepResult:
        """What the subtraction of the images as they are makes."""
        return self.run("subtraction", {**self.images, "reference": self.reference})

    @cached_property
    def images(self) -> dict[str, Any]:
        """What was measured on the new image, by role."""
        return {role: getattr(self.new, role) for role in Subtraction.inputs}

    def run(self, process: str, inputs: Mapping[str, Any]) -> StepResult:
        """Run a step of the plan."""
        planned = self.plan[process]
        return planned.step.run(
            dict(inputs), planned.params, StepContext(planned.components, self.instrument)
        )

    def searched_again(self, *, from_before: bool = True) -> StepResult:
        """Inject sources and search again; unless `from_before`, all is done again as for any image."""
        outputs = self.subtracted.outputs
        detected = self.run("detection", outputs).outputs
        return search_in_memory(
            self.branch,
            {**self.images, **outputs, **detected},
            lambda planned: planned.provenance.id,
            self._fill,
            from_before=from_before,
            instrument=self.instrument,
        )

    def _fill(self, planned: PlannedStep, request: Request) -> Any:
        if isinstance(request, ReferenceRequest):
            return self.reference
        if isinstance(request, ReferenceSourcesRequest):
            return ReferenceSources(self.reference.sources, self.reference.mapping, self.reference.photometry)
        # No catalogue knows anything of a simulated sky.
        return None


def _calibrated(image: CalibratedImage) -> CalibratedImage:
    known = image.photometry
    photometry = PhotometricSolution(
        known.zero_point + _ZERO_POINT, known.zero_point_error, known.scatter, known.n_stars, known.filter
    )
    info = {**image.image.info, "mjd": _MJD}
    return replace(image, image=image.image.replaced(info=info), photometry=photometry)

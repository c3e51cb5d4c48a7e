"""Repeats the search of a section on its image with injected sources; of the branch only what was found is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from seechange_core.errors import Rejected, StoreError
from seechange_core.frames import MaskPlane
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.pipeline import Plan, PlannedStep, injection_plan
from seechange_core.provenance import product_id
from seechange_core.runner.drive import Drive, drive
from seechange_core.runner.products import Products
from seechange_core.runner.run_step import StepOutcome, badness_of, outcome_of
from seechange_core.runner.section_report import DONE, REJECTED
from seechange_core.runner.services import Services
from seechange_core.runner.unit import Unit
from seechange_core.steps.completeness import near_fakes
from seechange_core.steps.detection import Detection
from seechange_core.steps.injection import Injection
from seechange_core.steps.repeated_subtraction import SubtractedBefore
from seechange_core.steps.step import Request, StepContext, StepResult
from seechange_core.steps.subtraction import Subtraction
from seechange_core.store.products import ProductRecord, ProductStore

#: Detections farther than this from all fakes are those of the search without them, and not measured again.
_NEAR_FWHM = 5.0


def search_injected(
    unit: Unit,
    services: Services,
    products: Products,
    progress: Drive,
    started: Callable[[str], None],
) -> None:
    """Search a unit again with injected sources, and add to its progress how that went.

    A branch that rejects the data says nothing against the search itself, and is a warning.

    Parameters
    ----------
    products : Products
        Those of the search.
    progress : Drive
        Of the search; changed.
    started : callable
        As in `drive`.
    """
    branch = injection_plan(services.profile)

    def run(
        planned: PlannedStep, unit: Unit, products: Products, store: ProductStore, instrument: Any
    ) -> StepOutcome:
        return run_injected_search(branch, unit, products, store, instrument)

    again = drive(unit, Plan(branch.steps[-1:]), services, started=started, products=products, run=run)
    progress.steps += again.steps
    progress.warnings += again.warnings
    if again.state == REJECTED:
        progress.warnings.append(f"{again.step}: {again.reason}")
    elif again.state != DONE:
        progress.state, progress.step, progress.reason = again.state, again.step, again.reason


def run_injected_search(
    plan: Plan, unit: Unit, products: Products, store: ProductStore, instrument: Any
) -> StepOutcome:
    """Make the product of an injection plan's last step, or find it.

    All steps before it work in memory: neither the image with the injected sources nor what is found on it gets rows or
    files, so that it cannot be taken for something on the sky. They use the reference and whatever else was bound to
    the steps of the search itself.

    Parameters
    ----------
    plan : Plan
        See `pipeline.injection_plan`.
    unit, products, store, instrument
        As in `run_step`, once the search itself is done.

    Raises
    ------
    Rejected
        If a step of the branch rejects the data, or did so before.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    last = plan.steps[-1]
    input_ids = _trunk_ids(plan, products)
    identity = product_id(last.provenance.id, unit.place, input_ids)
    found = store.find_by_anchor(identity)
    if found is not None:
        if found.state == "rejected":
            raise Rejected(found.reason, found.metrics)
        return outcome_of(last, identity, False, found.metrics, started, cpu_started)
    record = ProductRecord(
        product_id=identity,
        provenance=last.provenance,
        place=unit.place,
        anchor=identity,
        inputs=input_ids,
        observation=unit.observation(products),
    )
    try:
        result = _searched(plan, input_ids, unit, products, store, instrument)
    except Rejected as rejection:
        store.save_rejection(record, rejection.reason, rejection.metrics, badness_of(rejection, last.process))
        raise
    outputs = {role: result.outputs[role] for role in last.step.outputs}
    store.save(record.finished("", result.metrics), outputs, {})
    return outcome_of(last, identity, True, result.metrics, started, cpu_started)


def _trunk_ids(plan: Plan, products: Products) -> dict[str, str]:
    """Return the identities of what the search was made from and of what it made, by role."""
    needed = {role for planned in plan for role in (*planned.step.inputs, *planned.step.outputs)}
    return {role: products.ids[role] for role in sorted(needed) if role in products.ids}


def search_in_memory(
    plan: Plan,
    trunk: Mapping[str, Any],
    identify: Callable[[PlannedStep], str],
    fill: Callable[[PlannedStep, Request], Any],
    *,
    from_before: bool = True,
    instrument: Any = None,
) -> StepResult:
    """Run an injection plan on what a search was made from, and keep all that it makes.

    Parameters
    ----------
    plan : Plan
        See `pipeline.injection_plan`; its conditions are decided.
    trunk : mapping
        In-memory products of the search, and of the steps before it, by role.
    identify : callable
        Gives the identity of what a step is about to make.
    fill : callable
        Gives what a step asks for.
    from_before : bool
        Whether the subtraction goes on from that of the search, instead of aligning the reference again.
    instrument : Component, optional
        The camera.

    Returns
    -------
    StepResult
        Outputs of all steps by role, of a role that several make the last; metrics of the first and the last step.
    """
    made: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    for planned in plan:
        context = StepContext(planned.components, instrument, identify(planned))
        inputs = {role: made[role] if role in made else trunk[role] for role in planned.step.inputs}
        if from_before and isinstance(planned.step, Subtraction):
            inputs["before"] = SubtractedBefore(
                trunk["image"], trunk["difference"], trunk["aligned_reference"], made["fakes"]
            )
        else:
            for request in planned.step.requests(inputs, planned.params, context):
                inputs[request.role] = fill(planned, request)
        result = planned.step.run(inputs, planned.params, context)
        made |= result.outputs
        if isinstance(planned.step, Injection):
            # What finds and judges sources must not see which of them are injected.
            image = made["image"]
            made["image"] = image.replaced(mask=image.mask & ~MASK_DTYPE(MaskPlane.INJECTED))
        if planned in (plan.steps[0], plan.steps[-1]):
            metrics |= result.metrics
        if isinstance(planned.step, Detection):
            radius_pixel = _NEAR_FWHM * trunk["psf"].fwhm
            made["detections"] = near_fakes(made["detections"], made["fakes"], radius_pixel)
    return StepResult(made, metrics)


def _searched(
    plan: Plan,
    input_ids: Mapping[str, str],
    unit: Unit,
    products: Products,
    store: ProductStore,
    instrument: Any,
) -> StepResult:
    """Search a section again, with what was bound to the steps of the search."""
    branches = Plan(tuple(planned.taken(products.metrics) for planned in plan))

    def identify(planned: PlannedStep) -> str:
        # What is injected must not depend on what the search is judged by, such as a scorer.
        needed = planned.step.inputs if isinstance(planned.step, Injection) else input_ids
        return product_id(planned.provenance.id, unit.place, {role: input_ids[role] for role in needed})

    def fill(planned: PlannedStep, request: Request) -> Any:
        before = store.find(products.ids[planned.step.outputs[0]])
        if before is None:
            raise StoreError(f"what {planned.process} made was deleted meanwhile; process again")
        return unit.fetch(request, before.inputs, planned, products)

    return search_in_memory(branches, products, identify, fill, instrument=instrument)

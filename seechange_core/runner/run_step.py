"""Runs one step of a plan on one unit of work, unless its product is there already."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any, Protocol

from seechange_core.errors import Rejected
from seechange_core.models import Badness
from seechange_core.pipeline import PlannedStep
from seechange_core.provenance import product_id
from seechange_core.runner.products import Products
from seechange_core.runner.unit import Unit
from seechange_core.steps.gates import judged
from seechange_core.steps.step import Request, StepContext
from seechange_core.store.products import ProductRecord, ProductStore

#: What is wrong with data that a process rejects without saying more.
_BADNESS = {
    "astrocal": "bad_astrometry",
    "photocal": "bad_photometry",
    "subtraction": "bad_subtraction",
}


@dataclass(frozen=True)
class StepOutcome:
    """How a step went.

    Parameters
    ----------
    process : str
        Its name.
    product_id : str
        Of what it made.
    made : bool
        False if the product was there already.
    metrics : mapping
        As the step returned them.
    seconds, cpu_s : float
        Elapsed time and CPU time, reading and saving included.
    peak_memory_mb : float
        Of this process so far.
    """

    process: str
    product_id: str
    made: bool
    metrics: Mapping[str, Any]
    seconds: float
    cpu_s: float
    peak_memory_mb: float


class RunStep(Protocol):
    """What makes the product of one step; see `run_step`."""

    def __call__(
        self, planned: PlannedStep, unit: Unit, products: Products, store: ProductStore, instrument: Any
    ) -> StepOutcome:
        """Make a step's product, or find it."""


def anchor_of(planned: PlannedStep, unit: Unit, products: Products) -> str:
    """Return the hash under which the inputs of a step that depend on data are bound."""
    return product_id(planned.provenance.id, unit.place, _upstream_ids(planned, unit, products))


def run_step(
    planned: PlannedStep, unit: Unit, products: Products, store: ProductStore, instrument: Any
) -> StepOutcome:
    """Make a step's product, or find it, and add its roles to `products`.

    Raises
    ------
    Rejected
        If the step rejects the data, or did so before.
    MissingInput
        If something that it asks for is not there yet.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    anchor = anchor_of(planned, unit, products)
    is_new = not products.written.isdisjoint(_upstream_ids(planned, unit, products).values())
    found = None if is_new else store.find_by_anchor(anchor)
    if found is not None:
        if found.state == "rejected":
            raise Rejected(found.reason, found.metrics)
        products.add(found.product_id, planned.step.outputs, found.metrics, found.inputs)
        return outcome_of(planned, found.product_id, False, found.metrics, started, cpu_started)

    planned = planned.taken(products.metrics)
    context = StepContext(planned.components, instrument)
    inputs: dict[str, Any] = {role: products[role] for role in planned.step.inputs}
    if not planned.upstream:
        inputs |= unit.origin_inputs()
    requests = planned.step.requests(inputs, planned.params, context)
    bound = _bind(requests, anchor, planned, unit, products, store)
    input_ids = {**_upstream_ids(planned, unit, products), **bound}
    identity = product_id(planned.provenance.id, unit.place, input_ids)
    record = ProductRecord(
        product_id=identity,
        provenance=planned.provenance,
        place=unit.place,
        anchor=anchor,
        inputs=input_ids,
        observation=unit.observation(products),
        branch=planned.branch,
    )
    for request in requests:
        inputs[request.role] = unit.fetch(request, bound, planned, products)
    try:
        result = planned.step.run(inputs, planned.params, replace(context, identity=identity))
        quality = judged(planned.params, result.metrics, record.observation.filter, planned.process)
    except Rejected as rejection:
        store.save_rejection(
            record, rejection.reason, rejection.metrics, badness_of(rejection, planned.process)
        )
        raise
    metrics = {**result.metrics, "quality": quality} if quality else result.metrics
    if store.save(record.finished(result.branch or planned.branch, metrics), result.outputs, inputs):
        products.written.add(identity)
    products.add(identity, planned.step.outputs, metrics, input_ids)
    return outcome_of(planned, identity, True, metrics, started, cpu_started)


def badness_of(rejection: Rejected, process: str) -> Badness:
    """Return the flags of a rejected product: those that the step gave, or else what its process says."""
    named = rejection.flags or (_BADNESS.get(process, "other"),)
    return reduce(or_, (Badness[name.upper()] for name in named))


def _upstream_ids(planned: PlannedStep, unit: Unit, products: Products) -> dict[str, str]:
    if not planned.upstream:
        return dict(unit.origin)
    return {role: products.ids[role] for role in planned.upstream}


def _bind(
    requests: tuple[Request, ...],
    anchor: str,
    planned: PlannedStep,
    unit: Unit,
    products: Products,
    store: ProductStore,
) -> dict[str, str]:
    if not requests:
        return {}
    before = store.binding(anchor)
    if before is not None:
        return dict(before)
    chosen: dict[str, str] = {}
    for request in requests:
        chosen |= unit.bind(request, planned, products)
    return dict(store.bind(anchor, chosen)) if chosen else {}


def outcome_of(
    planned: PlannedStep,
    identity: str,
    made: bool,
    metrics: Mapping[str, Any],
    started: float,
    cpu_started: float,
) -> StepOutcome:
    """Say how a step went that began at a time and a CPU time (`time.perf_counter`, `time.process_time`)."""
    return StepOutcome(
        process=planned.process,
        product_id=identity,
        made=made,
        metrics=dict(metrics),
        seconds=time.perf_counter() - started,
        cpu_s=time.process_time() - cpu_started,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )

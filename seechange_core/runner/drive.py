"""Drives one unit of work through a plan and says how it ended."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from threadpoolctl import threadpool_limits

from seechange_core.errors import MissingInput, Rejected, SeeChangeError
from seechange_core.pipeline import Plan
from seechange_core.runner.products import Products
from seechange_core.runner.resources import release_memory
from seechange_core.runner.run_step import RunStep, StepOutcome, run_step
from seechange_core.runner.section_report import DONE, FAILED, REJECTED, WAITING
from seechange_core.runner.services import Services
from seechange_core.runner.unit import Unit

logger = logging.getLogger(__name__)
#: What other units of work make, so that one can wait for it.
_AWAITED = ("reference", "frame")


@dataclass
class Drive:
    """How far a unit got.

    Parameters
    ----------
    product_ids : dict of str to str
        What was made or found, by role.
    state, step, reason, steps, warnings
        As in `SectionReport`.
    """

    product_ids: dict[str, str] = field(default_factory=dict)
    state: str = DONE
    step: str = ""
    reason: str = ""
    steps: list[StepOutcome] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def drive(
    unit: Unit,
    plan: Plan,
    services: Services,
    *,
    started: Callable[[str], None] = lambda process: None,
    products: Products | None = None,
    run: RunStep = run_step,
) -> Drive:
    """Run the steps of a plan in order until one of them ends the unit.

    A rejection, a missing reference and an error each end this unit only; everything made before stays.

    Parameters
    ----------
    started : callable
        Hears the name of each process before it runs.
    products : Products, optional
        What is there of the unit already, to which its new products are added.
    run : callable
        Makes the product of one step.
    """
    products = Products(services.store.products) if products is None else products
    progress = Drive(products.ids)
    last_use = _last_use(plan)
    for planned in plan:
        progress.step = planned.process
        started(planned.process)
        try:
            # With more threads, linear algebra adds up in another order: products would differ in their last bits.
            with threadpool_limits(limits=1), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("default")
                outcome = run(planned, unit, products, services.store.products, services.instrument)
        except Rejected as rejection:
            return _ended(progress, services, REJECTED, rejection.reason, rejection)
        except MissingInput as missing:
            state = WAITING if missing.what in _AWAITED else FAILED
            return _ended(progress, services, state, str(missing), missing)
        except Exception as error:
            return _ended(progress, services, FAILED, reason_of(error), error)
        progress.warnings += sorted({str(warning.message) for warning in caught})
        progress.steps.append(outcome)
        logger.info(
            "%s: %s %s in %.2f s",
            unit.place,
            planned.process,
            "made" if outcome.made else "found",
            outcome.seconds,
            extra={"place": unit.place, "step": planned.process, "product_id": outcome.product_id}
            | {"made": outcome.made, "seconds": outcome.seconds, "cpu_s": outcome.cpu_s},
        )
        products.forget(role for role, process in last_use.items() if process == planned.process)
        release_memory()
        services.registry.notify("step_finished", step=planned.process, result=outcome)
    return progress


def reason_of(error: Exception) -> str:
    """Say in one line why something failed; of an error that nobody expected also where it came from."""
    if isinstance(error, SeeChangeError):
        return str(error)
    logger.debug("unexpected error", exc_info=error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"


def _ended(progress: Drive, services: Services, state: str, reason: str, error: BaseException) -> Drive:
    progress.state, progress.reason = state, reason
    logger.info("%s %s: %s", progress.step, state, reason, extra={"step": progress.step, "state": state})
    if state != WAITING:
        services.registry.notify("step_failed", step=progress.step, error=error)
    return progress


def _last_use(plan: Plan) -> Mapping[str, str]:
    """Return for each role the last process that needs it, so that its memory can be freed then."""
    return {role: planned.process for planned in plan for role in planned.step.inputs}

"""Builds the calibration frames of several sections at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seechange_core.errors import MissingInput
from seechange_core.profile.layers import Layer
from seechange_core.runner.calibration_frames import BuildOptions, Say, build_job, plan_build
from seechange_core.runner.calibration_jobs import CalibrationJob
from seechange_core.runner.calibration_products import BuiltCalibration
from seechange_core.runner.services import Services
from seechange_core.runner.workers import TaskEvent, Work, run_tasks
from seechange_core.store.rows.calibrations import Validity


@dataclass(frozen=True)
class BuildWork:
    """What a worker needs to know.

    Parameters
    ----------
    layers : tuple of Layer
        Of the profile.
    options : BuildOptions
        How frames are built.
    validity : Validity
        When they may be used.
    """

    layers: tuple[Layer, ...]
    options: BuildOptions
    validity: Validity


def build_in_workers(
    services: Services,
    kind: str,
    exposures: Sequence[tuple[Path, ...]],
    jobs: int,
    *,
    validity: Validity,
    options: BuildOptions,
    say: Say = lambda what, done, total: None,
) -> list[BuiltCalibration]:
    """Do what `calibration_frames.build_calibrations` does with so many worker processes, each with its own memory.

    A section whose frame cannot be built does not keep the others from it, whatever the reason.

    Parameters
    ----------
    jobs : int
        Number of processes.
    services, kind, exposures, options, say
        See there.
    validity : Validity
        When the frames may be used.
    """
    plan = plan_build(services, kind, exposures, options)
    work = BuildWork(services.profile.layers, options, validity)
    # A worker's answer names its task by the object that it was given.
    built: dict[int, BuiltCalibration] = {}
    for answer in run_tasks(plan.jobs, make_build_work, work, jobs):
        if isinstance(answer, TaskEvent):
            say(*answer.event)
            continue
        one = answer.value if answer.value is not None else _failed(answer.task, answer.error)
        built[id(answer.task)] = replace(one, rejected={**plan.rejected, **one.rejected})
    return [built[id(job)] for job in plan.jobs]


def make_build_work(work: BuildWork) -> Work:
    """Make the function that a worker calls for each frame."""
    services = Services.from_layers(work.layers)

    def build(job: CalibrationJob, tell: Callable[[Any], None]) -> BuiltCalibration:
        def say(what: str, done: int, total: int) -> None:
            tell((what, done, total))

        try:
            return build_job(services, job, work.options, work.validity, say)
        except MissingInput as missing:
            return _failed(job, str(missing))

    return build


def _failed(job: CalibrationJob, problem: str) -> BuiltCalibration:
    last = problem.strip().splitlines()[-1]
    return BuiltCalibration(job.kind, job.section, job.filter, "", 0, problem=last)

"""Processes exposures: registers them, spreads their sections over workers, and tells how each ended."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from seechange_core.pipeline import ASSOCIATION, Plan, exposure_plan, injection_plan
from seechange_core.profile.concealing import concealed
from seechange_core.profile.layers import Layer
from seechange_core.runner.code_version import git_commit, package_versions
from seechange_core.runner.drive import Drive, drive, reason_of
from seechange_core.runner.exposure_files import wanted_sections
from seechange_core.runner.exposure_section import ExposureSection
from seechange_core.runner.injected_search import search_injected
from seechange_core.runner.products import Products
from seechange_core.runner.run_tag import LeftBehind, RunTag
from seechange_core.runner.section_report import DONE, FAILED, SectionReport, worst
from seechange_core.runner.services import Services
from seechange_core.runner.workers import TaskEvent, TaskResult, Work, run_tasks
from seechange_core.steps.association import assign
from seechange_core.steps.object_names import object_name
from seechange_core.store.associations import AssociationRules


@dataclass(frozen=True)
class SectionTask:
    """One section to process.

    Parameters
    ----------
    exposure_id : UUID
        Primary key of the exposure.
    exposure : str
        Name of its first file, for people.
    section : str
        Which CCD.
    """

    exposure_id: UUID
    exposure: str
    section: str


@dataclass(frozen=True)
class StepStarted:
    """A section begins with a step."""

    task: SectionTask
    process: str


@dataclass(frozen=True)
class SectionWork:
    """What a worker process needs to work on sections.

    Parameters
    ----------
    layers : tuple of Layer
        Of the profile.
    through : str
        Last process to run.
    code_version_id : UUID
        Of the code that the parent process runs.
    """

    layers: tuple[Layer, ...]
    through: str
    code_version_id: UUID


def register(
    services: Services, files: Sequence[Path], sections: Sequence[str] = ()
) -> tuple[list[SectionTask], SectionReport | None]:
    """Make one exposure known and list its sections.

    Parameters
    ----------
    files : sequence of Path
        All files of the exposure.
    sections : sequence of str
        Only these; by default all that are not defective.

    Returns
    -------
    list of SectionTask
        Empty if the exposure cannot be used.
    SectionReport or None
        Why not.
    """
    name = files[0].name
    try:
        header = services.instrument.read_header(files)
        defective = services.store.sensor_sections.defective(services.instrument.name, header.mjd)
        wanted = wanted_sections(services.instrument, header, sections, defective)
        exposure = services.store.exposures.register(services.instrument.name, header, files)
    except Exception as error:
        return [], SectionReport(name, "-", FAILED, "registration", reason_of(error))
    return [SectionTask(exposure.id, name, section) for section in wanted], None


def register_exposures(
    services: Services, exposures: Iterable[Sequence[Path]], sections: Sequence[str] = ()
) -> tuple[list[SectionTask], list[SectionReport]]:
    """Make several exposures known, of which one may be named more than once; see `register`."""
    tasks: list[SectionTask] = []
    failures: list[SectionReport] = []
    for files in exposures:
        found, failure = register(services, files, sections)
        tasks += found
        failures += [failure] if failure else []
    return list(dict.fromkeys(tasks)), failures


def process_sections(
    services: Services,
    plan: Plan,
    tasks: Sequence[SectionTask],
    jobs: int = 0,
    *,
    started: Callable[[StepStarted], None] = lambda step: None,
    left_behind: Callable[[LeftBehind], None] = lambda left: None,
) -> Generator[SectionReport]:
    """Process sections as one run, and yield how each ended as it ends.

    The profile's tag names what was made when the run ends, also by an error or Ctrl-C. Reports of runs that were
    killed are closed, so that nothing seems to run for ever.

    Parameters
    ----------
    services : Services
        Of this process; workers open their own.
    plan : Plan
        What is made of a section.
    tasks : sequence of SectionTask
        From `register_exposures`.
    jobs : int
        Number of worker processes; 0: here, one section after the other.
    started : callable
        Hears that a section begins with a step.
    left_behind : callable
        Hears in the end which exposures the tag no longer shows, if there are any.

    Raises
    ------
    StoreError
        If the tag must not be moved; before anything is done.
    """
    tag = RunTag(services, plan)
    store = services.store
    store.reports.close_abandoned()
    code_version_id = store.reports.register_code(package_versions(services.registry), git_commit())
    work = SectionWork(services.profile.layers, plan.steps[-1].process, code_version_id)

    def tell(step: StepStarted) -> None:
        tag.started(step.process)
        started(step)

    reports: list[SectionReport] = []
    ended = _by_workers(tasks, work, jobs, tell) if jobs else _here(services, plan, tasks, work, tell)
    try:
        for report in ended:
            tag.ended(report)
            reports.append(report)
            yield report
        _set_states(services, reports)
    finally:
        ended.close()
        store.reports.close_abandoned()
        left = tag.set()
        if left is not None:
            left_behind(left)


def _by_workers(
    tasks: Sequence[SectionTask], work: SectionWork, jobs: int, tell: Callable[[StepStarted], None]
) -> Generator[SectionReport]:
    with closing(run_tasks(tasks, make_section_work, work, jobs)) as answers:
        for answer in answers:
            if isinstance(answer, TaskEvent):
                tell(StepStarted(answer.task, answer.event))
            else:
                yield report_of(answer)


def _here(
    services: Services,
    plan: Plan,
    tasks: Sequence[SectionTask],
    work: SectionWork,
    tell: Callable[[StepStarted], None],
) -> Generator[SectionReport]:
    process = _section_work(services, plan, work)
    for task in tasks:
        yield process(task, partial(_tell_of, task, tell))


def _tell_of(task: SectionTask, tell: Callable[[StepStarted], None], process: str) -> None:
    tell(StepStarted(task, process))


def make_section_work(work: SectionWork) -> Work:
    """Make the function that a worker calls for each section."""
    services = Services.from_layers(work.layers)
    return _section_work(services, exposure_plan(services.profile).through(work.through), work)


def _section_work(services: Services, plan: Plan, work: SectionWork) -> Work:
    # Once for all sections, and in one statement.
    branch = injection_plan(services.profile).provenances() if services.profile.runner.fakes else ()
    services.store.provenances.register([*plan.provenances(), *branch])

    def process(task: SectionTask, tell: Callable[[Any], None]) -> SectionReport:
        return process_section(services, plan, task, work.code_version_id, started=tell)

    return process


def process_section(
    services: Services,
    plan: Plan,
    task: SectionTask,
    code_version_id: UUID,
    *,
    started: Callable[[str], None] = lambda process: None,
) -> SectionReport:
    """Drive one section through a plan, associate what was measured, and record how it ended."""
    reports = services.store.reports
    report_id = reports.start(
        task.section,
        code_version_id=code_version_id,
        command_line=concealed(shlex.join(sys.argv)),
        exposure_id=task.exposure_id,
    )
    progress, association = _driven(services, plan, task, started)
    report = SectionReport(
        exposure=task.exposure,
        section=task.section,
        state=progress.state,
        step=progress.step,
        reason=progress.reason,
        steps=tuple(progress.steps),
        warnings=tuple(progress.warnings),
        association=association,
        exposure_id=task.exposure_id,
    )
    reports.finish(
        report_id,
        state=report.state,
        step=report.step,
        error=report.reason,
        warnings=report.warnings,
        seconds={step.process: step.seconds for step in report.steps},
        peak_memory_mb={step.process: step.peak_memory_mb for step in report.steps},
    )
    return report


def _driven(
    services: Services, plan: Plan, task: SectionTask, started: Callable[[str], None]
) -> tuple[Drive, dict[str, int]]:
    try:
        exposure = services.store.exposures.get(task.exposure_id)
        files = services.store.exposures.paths(exposure)
    except Exception as error:
        return Drive(state=FAILED, step="registration", reason=reason_of(error)), {}
    unit = ExposureSection(services, exposure, files, task.section)
    products = Products(services.store.products)
    progress = drive(unit, plan, services, started=started, products=products)
    if progress.state != DONE or "measurements" not in progress.product_ids:
        return progress, {}
    started(ASSOCIATION)
    try:
        params = services.profile.parameters(ASSOCIATION)
        rules = AssociationRules(
            match=partial(assign, params=params),
            reach_arcsec=params.largest_radius_arcsec,
            name=partial(object_name, params.name_format),
            is_test=bool(exposure.info.get("simulated", False)),
        )
        result = services.store.associations.associate(progress.product_ids["measurements"], rules)
    except Exception as error:
        progress.state, progress.step, progress.reason = FAILED, ASSOCIATION, reason_of(error)
        return progress, {}
    progress.step = ASSOCIATION
    if services.profile.runner.fakes and "scores" in progress.product_ids:
        search_injected(unit, services, products, progress, started)
    return progress, {"joined": result.n_joined, "founded": result.n_founded}


def _set_states(services: Services, reports: Sequence[SectionReport]) -> None:
    """Give each exposure the worst state that one of its sections ended in."""
    states: dict[UUID, list[str]] = {}
    for report in reports:
        if report.exposure_id is not None:
            states.setdefault(report.exposure_id, []).append(report.state)
    for exposure_id, ended in states.items():
        services.store.exposures.set_state(exposure_id, worst(ended))


def report_of(answer: TaskResult) -> SectionReport:
    """Return how a section ended, also where its worker could not say it."""
    if answer.value is not None:
        report: SectionReport = answer.value
        return report
    task = answer.task
    return SectionReport(
        task.exposure,
        task.section,
        FAILED,
        "worker",
        _message_of(answer.error),
        exposure_id=task.exposure_id,
    )


def _message_of(error: str) -> str:
    """Return the message at the end of a traceback; its further lines are indented."""
    lines = error.strip().splitlines()
    first = max(number for number, line in enumerate(lines) if not line.startswith(" "))
    return " ".join(line.strip() for line in lines[first:])

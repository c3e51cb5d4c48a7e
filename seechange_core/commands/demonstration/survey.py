"""Simulates the survey and takes it through the chain, as a user would."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import yaml

from seechange_core.builtin.simulated_survey import SurveyFiles, write_survey
from seechange_core.errors import SeeChangeError
from seechange_core.pipeline import coadd_plan, exposure_plan, process_schemas, referencing_provenance
from seechange_core.profile import Profile, load_profile
from seechange_core.profile.layers import assignments_layer
from seechange_core.registry import Registry
from seechange_core.runner.calibration_frames import build_calibrations
from seechange_core.runner.process import process_sections, register_exposures
from seechange_core.runner.references import build_reference
from seechange_core.runner.section_report import DONE, SectionReport
from seechange_core.runner.services import Services
from seechange_core.store.atomic import write_atomically

#: Name of the profile in the folder of the demonstration.
PROFILE = "profile.yaml"
#: Hears of the stage, how many sections of it are done, and of how many.
Say = Callable[[str, int, int], None]


@dataclass
class SurveyRun:
    """A survey that was simulated and processed.

    Parameters
    ----------
    files : SurveyFiles
        What was simulated.
    services : Services
        The store that holds the results.
    reports : list of SectionReport
        How the sections ended: those of the reference's epochs, then the new ones.
    seconds : dict of str to float
        Elapsed time by stage.
    """

    files: SurveyFiles
    services: Services
    reports: list[SectionReport] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def run_survey(folder: Path, *, seed: int, jobs: int, assignments: Sequence[str], say: Say) -> SurveyRun:
    """Simulate a survey under a folder, unless it is there, and process what is not processed yet.

    Parameters
    ----------
    folder : Path
        ``raw/``, ``data/`` and ``profile.yaml`` are made in it.
    seed : int
        Of the simulation.
    jobs : int
        Sections at the same time.
    assignments : sequence of str
        Changes of the profile: ``key.path=value``.
    say : callable
        Hears of progress.

    Raises
    ------
    SeeChangeError
        If a section of a reference's epoch does not end well, so that there is no reference.
    """
    started = time.perf_counter()
    say("simulating", 0, 1)
    with ProcessPoolExecutor(min(jobs, 2), mp_context=get_context("spawn")) as executor:
        files = write_survey(folder / "raw", seed=seed, executor=executor)
    services = Services.of(_profile(folder, files, assignments))
    run = SurveyRun(files, services)
    started = _stage(run, "simulating", started)

    say("calibration frames", 0, 2)
    build_calibrations(services, "bias", [(path,) for path in files.bias])
    say("calibration frames", 1, 2)
    build_calibrations(services, "flat", [(path,) for path in files.flats])
    started = _stage(run, "calibration frames", started)

    _process(run, files.reference, "photocal", jobs, say, "epochs of the reference")
    bad = [report for report in run.reports if report.state != DONE]
    if len(bad) == len(run.reports):
        raise SeeChangeError(f"no epoch of the reference could be calibrated: {bad[0].reason}")
    started = _stage(run, "epochs of the reference", started)

    _build_references(run, say)
    started = _stage(run, "references", started)

    _process(run, files.new, "scoring", jobs, say, "new epochs")
    _stage(run, "new epochs", started)
    return run


def _profile(folder: Path, files: SurveyFiles, assignments: Sequence[str]) -> Profile:
    """Write the profile of the survey, so that other commands find its data and settings, and read it."""
    catalog = [
        f"{process}.catalog.{key}"
        for process in ("astrocal", "photocal")
        for key in ("use=file", f"file.path={files.catalog.absolute()}")
    ]
    # They are assignments too, so that neither the environment nor another profile sends the data elsewhere.
    assigned = [
        "instrument.use=simcam",
        f"storage.root={(folder / 'data').absolute()}",
        *catalog,
        *assignments,
    ]
    text = yaml.safe_dump(dict(assignments_layer(assigned).values), sort_keys=False)
    write_atomically(folder / PROFILE, f"# The demonstration of SeeChange: simulated.\n{text}".encode())
    return load_profile(Registry(), process_schemas(), file=folder / PROFILE, assignments=assigned)


def _process(
    run: SurveyRun, exposures: Sequence[Path], through: str, jobs: int, say: Say, stage: str
) -> None:
    services = run.services
    plan = exposure_plan(services.profile).through(through)
    tasks, reports = register_exposures(services, ((path,) for path in exposures))
    say(stage, 0, len(tasks))
    for report in process_sections(services, plan, tasks, jobs):
        reports.append(report)
        say(stage, len(reports), len(tasks))
    run.reports += sorted(reports, key=lambda report: (report.exposure, report.section))


def _build_references(run: SurveyRun, say: Say) -> None:
    services, profile = run.services, run.services.profile
    services.store.provenances.register([*coadd_plan(profile).provenances(), referencing_provenance(profile)])
    header = services.instrument.read_header((run.files.reference[0],))
    # An earlier run has calibrated the new epochs too; transients must not enter what they are compared with.
    first_new_mjd = min(services.instrument.read_header((path,)).mjd for path in run.files.new)
    sections = list(services.instrument.sections)
    for number, section in enumerate(sections):
        say("references", number, len(sections))
        cards = services.instrument.read_section_header((run.files.reference[0],), section)
        mapping = services.instrument.first_mapping(cards, {**header.info, "section": section})
        ny, nx = services.instrument.sections[section].shape
        ra, dec = mapping.pixel_to_sky([(nx - 1) / 2], [(ny - 1) / 2])
        build_reference(
            services,
            filter=header.filter,
            position=(float(ra[0]), float(dec[0])),
            before_mjd=first_new_mjd,
            reference_set=profile.parameters("subtraction").reference_set,
        )


def _stage(run: SurveyRun, name: str, started: float) -> float:
    now = time.perf_counter()
    run.seconds[name] = now - started
    return now

"""The chain of a survey as a Python object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from seechange_core.errors import InputError
from seechange_core.pipeline import Plan, exposure_plan, process_schemas
from seechange_core.profile import load_profile
from seechange_core.profile.layers import Layer
from seechange_core.registry import Registry
from seechange_core.runner.exposure_files import collect
from seechange_core.runner.process import process_sections, register_exposures
from seechange_core.runner.section_report import SectionReport
from seechange_core.runner.services import Services
from seechange_core.store import DataStore, Store

_PROFILE_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class ProcessedSection:
    """One section of an exposure after a run.

    Parameters
    ----------
    report : SectionReport
        How it ended, with the metrics, time and memory of each step.
    data : DataStore or None
        What was made of it, read when it is asked for; None if the exposure could not be registered.
    """

    report: SectionReport
    data: DataStore | None

    def __repr__(self) -> str:
        ended = f"{self.report.state} at {self.report.step}"
        reason = f": {self.report.reason}" if self.report.reason else ""
        return f"<{self.report.exposure} {self.report.section}: {ended}, {self.report.seconds:.1f} s{reason}>"


class Pipeline:
    """The chain that a profile names, ready to run on exposures.

    Parameters
    ----------
    profile : str or Path, optional
        Name of an installed camera, whose packaged profile is used, or a profile file (YAML). By default the file that
        ``SEECHANGE_CONFIG`` names.
    **blocks : mapping
        What is otherwise than in the profile, block by block, such as ``detection={"threshold": 6}``.

    Raises
    ------
    ProfileError
        With everything that is wrong with the profile.

    Examples
    --------
    >>> pipeline = Pipeline("decam", detection={"threshold": 6}, storage={"root": "data"})  # doctest: +SKIP
    >>> (section,) = pipeline.run("c4d_230101_010203_ori.fits.fz", sections=["N4"])  # doctest: +SKIP
    >>> section.data.get_measurements()  # doctest: +SKIP
    """

    def __init__(self, profile: str | Path = "", **blocks: Mapping[str, Any]) -> None:
        is_file = isinstance(profile, Path) or profile.endswith(_PROFILE_SUFFIXES)
        self.profile = load_profile(
            Registry(),
            process_schemas(),
            file=Path(profile) if is_file else None,
            instrument="" if is_file else str(profile),
            strongest=[Layer("Pipeline(...)", blocks)],
        )

    def __repr__(self) -> str:
        return (
            f"<Pipeline {self.profile.instrument().name}: {' > '.join(step.process for step in self.plan)}>"
        )

    @cached_property
    def plan(self) -> Plan:
        """The steps, with the components and the provenance of each."""
        return exposure_plan(self.profile)

    @cached_property
    def _services(self) -> Services:
        return Services.of(self.profile)

    @property
    def store(self) -> Store:
        """Database and files."""
        return self._services.store

    def run(
        self, *files: str | Path, sections: Sequence[str] = (), through: str = "", jobs: int = 1
    ) -> list[ProcessedSection]:
        """Run exposures through the chain; what was made before is found and not made again.

        Parameters
        ----------
        *files : str or Path
            Exposures, or folders that are searched for exposures of the sky.
        sections : sequence of str
            Only these; by default all that are not defective.
        through : str
            Last step to run; by default all.
        jobs : int
            Sections at the same time. With more than 1 they are worked on by other processes, which is for programs
            whose main part is under ``if __name__ == "__main__":``, and for notebooks.

        Returns
        -------
        list of ProcessedSection
            By exposure and section. A section that failed is one of them; nothing is raised for it.

        Raises
        ------
        InputError
            If a file does not exist or is no exposure of the camera.
        """
        services = self._services
        exposures, problems = collect(services.instrument, [Path(file) for file in files])
        if problems:
            raise InputError("; ".join(problems.values()))
        plan = self.plan.through(through) if through else self.plan
        tasks, reports = register_exposures(services, exposures, sections)
        reports += process_sections(services, plan, tasks, jobs=0 if jobs == 1 else jobs)
        ordered = sorted(reports, key=lambda report: (report.exposure, report.section))
        return [ProcessedSection(report, self._data(report, plan)) for report in ordered]

    def _data(self, report: SectionReport, plan: Plan) -> DataStore | None:
        if report.exposure_id is None:
            return None
        return DataStore(
            self.store,
            exposure_id=report.exposure_id,
            section_id=report.section,
            provenances={step.process: step.provenance.id for step in plan},
            instrument=self._services.instrument,
        )

"""The tag of a run: which provenances it names once the run has ended, and what it names no more."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from seechange_core.pipeline import Plan, injection_plan
from seechange_core.runner.section_report import REJECTED, SectionReport
from seechange_core.runner.services import Services
from seechange_core.store.left_behind import n_exposures_left_behind

logger = logging.getLogger(__name__)
CURRENT = "current"


@dataclass(frozen=True)
class LeftBehind:
    """Exposures that a tag showed before a run moved it.

    Parameters
    ----------
    tag, instrument : str
        What was moved.
    n_exposures : int
        How many exposures have sections with products under what the tag named before, but none under what it names
        now.
    """

    tag: str
    instrument: str
    n_exposures: int

    def __str__(self) -> str:
        some = "1 exposure" if self.n_exposures == 1 else f"{self.n_exposures} exposures"
        return (
            f"the tag {self.tag!r} follows the settings of this run: what was made with others of {some} of "
            f"{self.instrument} is not shown until processed again with these; with the former settings, 'seechange "
            "process' moves the tag back; to keep an experiment apart, run it with --tag NAME"
        )


class RunTag:
    """Learns what a run makes, and lets the profile's tag name it in the end.

    A process is named if it made or found a product in at least one section; where the tag names nothing for it yet,
    also if it rejected one, so that a rejection can be asked about.

    Parameters
    ----------
    services : Services
        The profile says which tag.
    plan : Plan
        What runs.

    Raises
    ------
    StoreError
        If the tag is not ``current`` and names another provenance for a process of the plan.
    """

    def __init__(self, services: Services, plan: Plan) -> None:
        self._store = services.store.provenances
        self._database = services.store.database
        self._tag, self._instrument = services.profile.runner.tag, services.instrument.name
        self._order = [planned.process for planned in plan]
        self._provenances = {planned.process: planned.provenance for planned in plan}
        self._branch: list[str] = []
        if services.profile.runner.fakes:
            first, *_, last = injection_plan(services.profile)
            self._branch = [first.process, last.process]
            self._provenances |= {planned.process: planned.provenance for planned in (first, last)}
        self._succeeded: set[str] = set()
        self._rejected: set[str] = set()
        if self._tag != CURRENT:
            self._store.check_tag(self._tag, self._instrument, self._provenances.values())

    def started(self, process: str) -> None:
        """Hear that a section begins with a process, so that those before it have succeeded."""
        number = self._order.index(process) if process in self._order else len(self._order)
        self._succeeded.update(self._order[:number])

    def ended(self, report: SectionReport) -> None:
        """Hear how a section ended."""
        made = {step.process for step in report.steps}
        if made.intersection(self._branch):
            made.update(self._branch)
        self._succeeded |= made
        if report.state == REJECTED:
            self._rejected.add(report.step)

    def set(self) -> LeftBehind | None:
        """Let the tag name what was made, and say what it showed before, if that is more."""
        present = self._store.tagged(self._tag).get(self._instrument, {})
        named = self._succeeded | (self._rejected - present.keys())
        before = self._store.set_tag(
            self._tag,
            self._instrument,
            [provenance for process, provenance in self._provenances.items() if process in named],
            replace=self._tag == CURRENT,
        )
        if not before:
            return None
        now = [provenance.id for provenance in self._provenances.values()]
        n_exposures = n_exposures_left_behind(self._database, before.values(), now)
        if not n_exposures:
            return None
        left = LeftBehind(self._tag, self._instrument, n_exposures)
        logger.warning("%s", left)
        return left

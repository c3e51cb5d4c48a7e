"""How a unit of work ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from seechange_core.runner.run_step import StepOutcome

DONE, REJECTED, WAITING, FAILED = "done", "rejected", "waiting", "failed"


@dataclass(frozen=True)
class SectionReport:
    """The end of one run of one section.

    Parameters
    ----------
    exposure, section : str
        File name of the exposure; section.
    state : str
        ``done``; ``rejected``: the data are too bad; ``waiting``: a reference is missing, run again when there is one;
        ``failed``: an error.
    step : str
        The last process that was reached.
    reason : str
        Why it is not done.
    steps : tuple of StepOutcome
        In order.
    warnings : tuple of str
        What people should know of although it is done.
    association : mapping of str to int
        How many measurements ``joined`` known objects, and how many ``founded`` new ones.
    exposure_id : UUID or None
        Primary key of the exposure; None if it could not be registered.
    """

    exposure: str
    section: str
    state: str
    step: str
    reason: str = ""
    steps: tuple[StepOutcome, ...] = ()
    warnings: tuple[str, ...] = ()
    association: Mapping[str, int] = field(default_factory=dict)
    exposure_id: UUID | None = None

    @property
    def seconds(self) -> float:
        """Elapsed time of all steps."""
        return sum(step.seconds for step in self.steps)

    @property
    def peak_memory_mb(self) -> float:
        """Largest resident memory of the worker so far."""
        return max((step.peak_memory_mb for step in self.steps), default=0.0)

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            **asdict(self),
            "exposure_id": self.exposure_id and str(self.exposure_id),
            "seconds": self.seconds,
            "peak_memory_mb": self.peak_memory_mb,
        }


def worst(states: Sequence[str]) -> str:
    """Return the state of an exposure whose sections ended in these states."""
    return max(states, key=(DONE, WAITING, REJECTED, FAILED).index)


def exit_status(reports: list[SectionReport], *, strict: bool) -> int:
    """Return 1 if a section failed, or, if strict, was rejected; else 0."""
    bad = {FAILED, REJECTED} if strict else {FAILED}
    return int(any(report.state in bad for report in reports))

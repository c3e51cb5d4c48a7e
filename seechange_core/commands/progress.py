"""Shows how far a run is: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import click

from seechange_core.runner.process import StepStarted
from seechange_core.runner.section_report import SectionReport

_COLOURS = {"done": "green", "rejected": "yellow", "waiting": "cyan", "failed": "red"}


class Progress:
    """Context manager that hears of sections as they start steps and end.

    Parameters
    ----------
    total : int
        Number of sections.
    quiet : bool
        Show nothing, because the standard output is for a machine.
    """

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total, self._done, self._quiet = total, 0, quiet
        self._live = None
        if not quiet and sys.stderr.isatty():
            # Only a terminal pays for the import of rich.
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Live

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._live = Live(*columns, console=Console(stderr=True), transient=True)
            self._bar = self._live.add_task("sections", total=total)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def step(self, step: StepStarted) -> None:
        """Hear that a step of a section starts."""
        if self._live:
            description = f"{step.task.exposure} {step.task.section} {step.process}"
            self._live.update(self._bar, description=description)

    def finished(self, report: SectionReport) -> None:
        """Hear that a section ended."""
        self._done += 1
        if self._live:
            self._live.update(self._bar, completed=self._done)
        elif not self._quiet:
            reason = f": {report.reason}" if report.reason else ""
            click.echo(
                f"[{self._done}/{self._total}] {report.exposure} {report.section} "
                f"{report.state} at {report.step}, {report.seconds:.1f} s{reason}",
                err=True,
            )


def table(reports: list[SectionReport]) -> str:
    """Lay out which section ended how, why, and what people should know of although it is done."""
    lines = [f"{'exposure':36} {'section':8} {'state':9} {'step':14} {'seconds':>7}  reason"]
    for report in reports:
        state = click.style(f"{report.state:9}", fg=_COLOURS[report.state])
        lines.append(
            f"{report.exposure:36} {report.section:8} {state} {report.step:14} {report.seconds:7.1f}  {report.reason}"
        )
        lines += [f"  warning: {warning}" for warning in report.warnings]
    return "\n".join(lines)

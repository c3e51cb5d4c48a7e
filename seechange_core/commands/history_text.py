"""Prints what happened at a position for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seechange_core.store.detection_limits import INJECTED
from seechange_core.store.history.finding import Candidate, Finding, LocalDepth, Verdict
from seechange_core.store.history.sentences import amount, limit

_NARROWEST = 120
_HEADINGS = ("time (UTC)", "exposure", "section", "filter", "verdict", "why")
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_COLOURS = {
    "measured": "green",
    "flagged": "yellow",
    "deleted": "red",
    "part of another": "yellow",
    "below threshold": "cyan",
    "masked": "magenta",
    "stopped": "red",
}
#: What can be done about a verdict, or how it comes about; the others speak for themselves.
_ADVICE: dict[Verdict, str] = {
    "not processed": "'seechange process FILE' on the exposure, or --tag for another processing",
    "stopped": "'seechange process FILE' goes on from there, without --through, once the reason is gone",
    "masked": "the how-to on masks says what sets each plane",
    "unknown": "fetch the missing file from the archive, or process the exposure again",
    "below threshold": "'seechange lightcurve OBJECT --forced' has a flux there all the same, once there is an object",
    "part of another": "detection.deblend_rise and deblend_contrast say when a peak is a source of its own",
    "deleted": "the limits are measuring.cuts of the profile",
    "flagged": "unlike a point source by a limit of measuring.cuts",
}


def print_history(findings: Sequence[Finding], *, detailed: bool, nothing: str) -> None:
    """Print one line for all exposures of which the same is to be told; of a single exposure every detail."""
    if not findings:
        click.echo(nothing)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _NARROWEST)
    _print_overview(console, findings)
    for finding in findings if detailed else ():
        for block in _details(finding):
            console.print()
            console.print(block)
    told = {finding.verdict for finding in findings}
    advice = [(verdict, text) for verdict, text in _ADVICE.items() if verdict in told]
    console.print()
    for verdict, text in advice:
        console.print(Text.assemble((verdict, _COLOURS.get(verdict, "")), f": {text}"), soft_wrap=True)
    if not detailed:
        console.print("--exposure NAME shows every test of one exposure, --json all of them", soft_wrap=True)


def _print_overview(console: Console, findings: Iterable[Finding]) -> None:
    """Print a table; where the screen is too narrow for its last column, that stands below each line."""
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.verdict, finding.summary, finding.filter), []).append(finding)
    lines = [_HEADINGS, *(_line(group) for group in alike.values())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    fits = not console.is_terminal or sum(widths) + 2 * len(widths) <= console.width
    for line in lines:
        *known, verdict, why = (f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))
        before = Text("  ".join([*known, ""])).append(verdict, _COLOURS.get(line[-2], ""))
        if fits:
            console.print(Text("  ").join([before, Text(why.rstrip())]), soft_wrap=True)
            continue
        console.print(before)
        if line is not _HEADINGS:
            console.print(Padding(why.rstrip(), (0, 0, 0, 4)))


def _line(group: Sequence[Finding]) -> tuple[str, ...]:
    first, last = group[0], group[-1]
    sections = ", ".join(sorted({finding.section for finding in group}))
    n_exposures = len({finding.exposure_id for finding in group})
    time, exposure = _time(first, "%Y-%m-%d %H:%M:%S"), first.exposure
    if n_exposures > 1:
        same_year = _time(first, "%Y") == _time(last, "%Y")
        time = f"{_time(first, '%Y-%m-%d')} to {_time(last, '%m-%d' if same_year else '%Y-%m-%d')}"
        exposure = f"{n_exposures} exposures"
    return time, exposure, sections, first.filter, first.verdict, first.summary


def _time(finding: Finding, form: str) -> str:
    return (_MJD_ZERO + timedelta(days=finding.mjd)).strftime(form)


def _details(finding: Finding) -> Iterable[Table]:
    if finding.x is not None and finding.y is not None:
        yield _facts(
            [("position", f"x {finding.x:.1f}, y {finding.y:.1f} on {finding.section} (pixel, from 0)")]
        )
    if finding.depth is not None:
        yield _facts(_of_depth(finding.depth))
    if finding.candidate is not None:
        yield _tests(finding.candidate)
        yield _facts(_of_candidate(finding.candidate))


def _of_depth(depth: LocalDepth) -> Iterable[tuple[str, str]]:
    threshold = "no detection yet" if depth.threshold is None else f"threshold {depth.threshold:g}"
    significance = "unknown" if depth.score is None else f"{depth.score:+.2f} sigma"
    extreme = "unknown" if depth.extreme_score is None else f"{depth.extreme_score:+.2f}"
    yield "significance there", f"{significance}; extreme within the radius {extreme}; {threshold}"
    if depth.flux is not None and depth.flux_error is not None:
        yield "PSF flux there", f"{amount(depth.flux)} +- {amount(depth.flux_error)} {depth.flux_unit}"
    noise = (
        ""
        if depth.noise == 1
        else f"; significances around scatter by {depth.noise:.2f} and are divided by it"
    )
    injected = depth.limit_kind == INJECTED
    kind = "half of injected sources found" if injected else f"{depth.threshold or 5:g} sigma limit"
    yield f"{kind} there", limit(depth) + noise
    planes = ", ".join(f"{name} ({origin})" for name, origin in depth.planes.items())
    yield "unusable core", f"{depth.unusable_fraction:.0%}" + (f"; {planes}" if planes else "")


def _tests(candidate: Candidate) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("test")
    table.add_column("quantity")
    for heading in ("value", "flags", "deletes"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for test in candidate.tests:
        side = ">" if test.comparison == "above" else "<"
        colour = {"passed": "green", "flagged": "yellow", "deleted": "red"}[test.verdict]
        table.add_row(
            test.name,
            test.column,
            "unknown" if test.value is None else f"{test.value:.4g}",
            *("-" if value is None else f"{side} {value:g}" for value in (test.flag, test.delete)),
            Text(test.verdict, colour),
        )
    return table


def _of_candidate(candidate: Candidate) -> Iterable[tuple[str, str]]:
    yield (
        "peak",
        f"significance {candidate.score:+.2f}, {candidate.distance_arcsec:.2f} arcsec from the position",
    )
    row = candidate.measurement
    if not row:
        return
    if row["flux"] is not None:
        magnitude = (
            ""
            if row["magnitude"] is None
            else f", {row['magnitude']:.3f} +- {row['magnitude_error']:.3f} mag"
        )
        yield "flux", f"{amount(row['flux'])} +- {amount(row['flux_error'])} {row['flux_unit']}{magnitude}"
    for score in candidate.scores:
        needed = "" if score["threshold"] is None else f", real from {score['threshold']:g}"
        told = f"{score['score']:.4f} ({score['scorer']} {score['version']}{needed})"
        yield "real-bogus score", told
    yield "object", candidate.object or "none"
    yield "measurement", row["id"]


def _facts(facts: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in facts:
        table.add_row(name, value)
    return table

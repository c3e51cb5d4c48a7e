"""Prints what happened at a position for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seechange_core.store.detection_limits import INJECTED
from seechange_core.store.history.finding import Candidate, Finding, LocalDepth, Verdict
from seechange_core.store.history.sentences import amount, limit

_NARROWEST = 120
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
#: What each verdict means, and what can be done.
_MEANINGS: dict[Verdict, str] = {
    "not covered": "the position is off every detector of the exposure",
    "not processed": "run 'seechange process' on the exposure, or name the processing with --tag",
    "stopped": "nothing was measured; run 'seechange process' again once the reason is gone",
    "masked": "unusable pixels hide the position; the how-to on masks says what sets each plane",
    "unknown": "a file was removed, or an older version measured it; fetch it from the archive, or process it again",
    "below threshold": "nothing as significant as 'detection.threshold' asks; forced photometry still has a flux there",
    "part of another": "'detection.deblend_rise' and 'deblend_contrast' say when a peak is a source of its own",
    "deleted": "a cut of 'measuring.cuts' is beyond its threshold to delete",
    "flagged": "measured, but a cut is beyond its threshold to flag: not like a point source",
    "measured": "measured, and no cut flags it",
}


def print_history(findings: Sequence[Finding], *, detailed: bool, nothing: str) -> None:
    """Print one line an exposure and what its verdict means; of a single exposure every detail."""
    if not findings:
        click.echo(nothing)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _NARROWEST)
    console.print(_overview(findings))
    for finding in findings if detailed else ():
        for block in _details(finding):
            console.print()
            console.print(block)
    console.print()
    counts = Counter(finding.verdict for finding in findings)
    for verdict, meaning in _MEANINGS.items():
        if verdict in counts:
            console.print(
                Text.assemble((verdict, _COLOURS.get(verdict, "")), f" ({counts[verdict]}): {meaning}")
            )
    if not detailed:
        console.print("--exposure NAME shows every test of one exposure, --json all of them")


def _overview(findings: Iterable[Finding]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("time (UTC)", "exposure", "section", "filter", "verdict"):
        table.add_column(heading, no_wrap=True)
    table.add_column("why", ratio=1)
    for finding in findings:
        time = _MJD_ZERO + timedelta(days=finding.mjd)
        table.add_row(
            time.strftime("%Y-%m-%d %H:%M:%S"),
            finding.exposure,
            finding.section,
            finding.filter,
            Text(finding.verdict, _COLOURS.get(finding.verdict, "")),
            finding.summary,
        )
    return table


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
    score = "unknown" if depth.score is None else f"{depth.score:+.2f} sigma"
    extreme = "unknown" if depth.extreme_score is None else f"{depth.extreme_score:+.2f}"
    yield "score at the position", f"{score}; extreme within the radius {extreme}; {threshold}"
    if depth.flux is not None and depth.flux_error is not None:
        yield "PSF flux there", f"{amount(depth.flux)} +- {amount(depth.flux_error)} {depth.flux_unit}"
    noise = "" if depth.noise == 1 else f"; scores around scatter by {depth.noise:.2f} and are divided by it"
    kind = "half of injected sources found" if depth.limit_kind == INJECTED else "5 sigma limit"
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
    yield "peak", f"score {candidate.score:+.2f}, {candidate.distance_arcsec:.2f} arcsec from the position"
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
        yield f"{score['scorer']} {score['version']}", f"{score['score']:.4f}{needed}"
    yield "object", candidate.object or "none"
    yield "measurement", row["id"]


def _facts(facts: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in facts:
        table.add_row(name, value)
    return table

"""What happened, in a sentence that says why."""

from __future__ import annotations

from seechange_core.frames import MASK_MEANINGS, MaskPlane
from seechange_core.store.detection_limits import INJECTED
from seechange_core.store.history.finding import Candidate, LocalDepth, Stop, TestResult, Verdict

_LARGE = 100.0
_STOPPED = {
    "rejected": "rejected at {step}: {reason}",
    "waiting": "{step} is waiting: {reason}",
    "failed": "{step} failed: {reason}",
    "running": "being processed, or its process was killed, at {step}",
    "done": "processed through {step} only",
}


def not_covered(outside_arcsec: float) -> str:
    """Say how far a position is from the nearest section."""
    distance = f"{outside_arcsec:.1f} arcsec" if outside_arcsec < 120 else f"{outside_arcsec / 60:.1f} arcmin"
    return f"{distance} outside of the nearest section"


def not_processed(tag: str) -> str:
    """Say that nothing is known of a section but its exposure's pointing."""
    return f"by its pointing it may cover the position; not processed under the tag {tag!r}"


def in_reference(stop: Stop) -> str:
    """Say that a section was processed in order to be a part of a reference."""
    return f"part of a reference that new exposures are compared with; processed through {stop.step}"


def stopped(stop: Stop, *, covers: bool) -> str:
    """Say where the processing ended, of a section that covers the position or may do so."""
    told = _STOPPED[stop.state].format(
        step=stop.step or "the first step", reason=stop.reason or "no reason given"
    )
    return told if covers else f"by its header it may cover the position; {told}"


def unreadable(problem: str) -> str:
    """Say that what is needed to know more is not at hand."""
    return f"not enough is at hand to say more: {problem}"


def mixed(tag: str) -> str:
    """Say that the products under a tag do not belong together."""
    return f"the tag {tag!r} names processes of several runs, whose products here do not belong together"


def without_peak(verdict: Verdict, depth: LocalDepth, nearest_arcsec: float) -> str:
    """Say why there is no peak, the nearest one being some arcsec away."""
    if verdict == "masked":
        return _masked(depth)
    return (
        _below_threshold(depth) if verdict == "below threshold" else _part_of_another(depth, nearest_arcsec)
    )


def _masked(depth: LocalDepth) -> str:
    planes = ", ".join(
        f"{name} ({MASK_MEANINGS[MaskPlane[name]]}) in the {origin}" for name, origin in depth.planes.items()
    )
    return f"{depth.unusable_fraction:.0%} of the PSF's core cannot be used: {planes or 'nothing could be measured'}"


def _below_threshold(depth: LocalDepth) -> str:
    found = (
        f"half of the sources of {limit(depth)} are found (injected ones)"
        if depth.limit_kind == INJECTED
        else f"{depth.threshold:g} sigma limit {limit(depth)}"
    )
    return f"significance {_signed(depth.extreme_score)}, {depth.threshold:g} is needed; {found}"


def _part_of_another(depth: LocalDepth, nearest_arcsec: float) -> str:
    return (
        f"significance {_signed(depth.extreme_score)} is the flank of a peak {nearest_arcsec:.1f} arcsec away"
    )


def decided(candidate: Candidate) -> str:
    """Say what was decided on a peak, and what came of it."""
    failed = [test for test in candidate.tests if test.verdict == "deleted"]
    if failed or not candidate.measurement:
        return f"significance {candidate.score:+.1f}, deleted: {_and(failed) or 'it has no measurement'}"
    flagged = [test for test in candidate.tests if test.verdict == "flagged"]
    parts = [f"significance {candidate.score:+.1f}, {_flux(candidate)}"]
    if flagged:
        parts.append(f"flagged: {_and(flagged)}")
    for score in candidate.scores:
        beside = "" if score["threshold"] is None else f" (real from {score['threshold']:g})"
        parts.append(f"{score['scorer']} {score['score']:.3f}{beside}")
    parts.append(candidate.object or "no object")
    return "; ".join(parts)


def limit(depth: LocalDepth) -> str:
    """Return the local limit with its unit."""
    if depth.limiting_flux is None:
        return "unknown brightness"
    flux = f"{amount(depth.limiting_flux)} {depth.flux_unit}"
    return flux if depth.limiting_magnitude is None else f"{flux} ({depth.limiting_magnitude:.2f} mag)"


def amount(flux: float) -> str:
    """Return a flux or its error without exponent, with three digits at least."""
    return f"{flux:.0f}" if abs(flux) >= _LARGE else f"{flux:.3g}"


def _signed(score: float | None) -> str:
    return "unknown" if score is None else f"{score:+.1f}"


def _and(tests: list[TestResult]) -> str:
    return ", ".join(_failed(test) for test in tests)


def _failed(test: TestResult) -> str:
    threshold = test.delete if test.verdict == "deleted" else test.flag
    value = "unknown" if test.value is None else f"{test.value:.3g}"
    return f"{test.name} ({test.column} {value}, limit {threshold:g})"


def _flux(candidate: Candidate) -> str:
    row = candidate.measurement
    if row["flux"] is None:
        return "measured without a flux"
    flux = f"{amount(row['flux'])} +- {amount(row['flux_error'])} {row['flux_unit']}"
    return flux if row["magnitude"] is None else f"{flux} ({row['magnitude']:.2f} mag)"

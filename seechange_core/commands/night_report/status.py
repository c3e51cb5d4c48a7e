"""The first line of a report, and its most important numbers."""

from __future__ import annotations

from dataclasses import dataclass

from seechange_core.store.night_checks import NightChecks

_STATES = ("done", "rejected", "failed", "waiting", "running", "not processed")
_TILES = (
    *("seeing_arcsec", "zero_point_per_s", "limiting_magnitude", "difference_limiting_magnitude"),
    *("score_scatter", "star_residual_scatter"),
)
#: With more of the sections rejected a night is bad.
_MANY_REJECTED = 0.1


@dataclass(frozen=True)
class Tile:
    """One number with what is usual; `kind` is ``""``, ``"worse"`` or ``"unknown"``."""

    title: str
    value: str
    usual: str
    kind: str


def status_of(checks: NightChecks) -> tuple[str, str]:
    """Return the kind of a report (``"ok"``, ``"look"`` or ``"bad"``) and its sentence."""
    states, total = checks.states, len(checks.sections)
    if not total:
        return "look", "No science exposures."
    counted = ", ".join(f"{states[state]} {state}" for state in _STATES if states.get(state))
    told = f"{_plural(checks.n_exposures, 'exposure')}, {_plural(total, 'section')}: {counted}."
    if states.get("failed") or states.get("rejected", 0) > _MANY_REJECTED * total:
        return "bad", f"Sections were lost. {told} {_unusual(checks)}"
    return ("look" if checks.unusual else "ok"), f"{told} {_unusual(checks)}"


def tiles_of(checks: NightChecks) -> list[Tile]:
    """Return the most important numbers: quantities by filter, then counts of candidates."""
    tiles = []
    for name in _TILES:
        for drift in checks.drifts:
            if drift.quantity.name != name:
                continue
            shown = drift.quantity.shown
            usual = "usual not known" if drift.usual is None else f"usually {shown(drift.usual)}"
            kind = "unknown" if drift.z is None else "worse" if drift.worse else ""
            title = f"{drift.quantity.title}, {drift.filter}" if drift.filter else drift.quantity.title
            tiles.append(Tile(title, shown(drift.tonight), usual, kind))
    decided = [one for one in checks.sections if one.subtracted]
    if decided:
        peaks, deleted = sum(one.n_peaks for one in decided), sum(one.n_deleted for one in decided)
        flagged = sum(one.n_flagged for one in decided)
        tiles.append(Tile("peaks", str(peaks), f"{peaks / len(decided):.0f} a section", ""))
        tiles.append(Tile("candidates", str(peaks - deleted), f"{deleted} deleted, {flagged} flagged", ""))
        for scorer in sorted({name for one in decided for name in one.n_likely_real}):
            real = sum(one.n_likely_real.get(scorer, 0) for one in decided)
            tiles.append(
                Tile(f"likely real, {scorer}", str(real), f"{real / len(decided):.1f} a section", "")
            )
    return tiles


def _unusual(checks: NightChecks) -> str:
    number = len(checks.unusual)
    return "Nothing is unusual." if not number else f"{_plural(number, 'thing is', 'things are')} unusual."


def _plural(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"

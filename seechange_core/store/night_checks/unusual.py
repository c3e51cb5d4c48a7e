"""What an operator should look at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seechange_core.imaging.robust import scatter
from seechange_core.store.night_checks.drift import Drift, is_worse
from seechange_core.store.night_checks.quantities import QUANTITIES, Quantity
from seechange_core.store.night_checks.section_check import SectionCheck

_FEWEST_SECTIONS = 8
_OUTLIER_SIGMA = 6.0
#: Failures come before everything that is only unusual.
_FAILURE, _REJECTION = 1000.0, 100.0


@dataclass(frozen=True)
class Unusual:
    """One thing that is not as it should be.

    Parameters
    ----------
    weight : float
        What has more is told first.
    text : str
        What is unusual, with numbers.
    advice : str
        What to look at.
    """

    weight: float
    text: str
    advice: str


def unusual_things(sections: Sequence[SectionCheck], drifts: Iterable[Drift]) -> tuple[Unusual, ...]:
    """Return everything that is unusual, the worst first."""
    found = [
        *_stopped(sections),
        *(_drifted(drift) for drift in drifts if drift.worse),
        *_unexpected(sections),
        *_outliers(sections),
    ]
    return tuple(sorted(found, key=lambda one: -one.weight))


def _stopped(sections: Sequence[SectionCheck]) -> Iterable[Unusual]:
    advices = {
        "failed": "an error of the program or the disk: 'seechange process' tries again",
        "rejected": "the data, or gates that are too narrow for them",
        "waiting": "'seechange reference list': something that is needed is not there",
        "running": "a run that is not over, or was killed",
    }
    counted = Counter((one.state, one.step, one.reason) for one in sections if one.state in advices)
    for (state, step, reason), count in counted.items():
        weight = {"failed": _FAILURE, "rejected": _REJECTION}.get(state, 10.0)
        told = f"{_sections(count)} {state} at {step}" + (f": {reason}" if reason else "")
        yield Unusual(weight + count / len(sections), told, advices[state])


def _drifted(drift: Drift) -> Unusual:
    quantity = drift.quantity
    usual, width, z = drift.usual or 0.0, drift.scatter or 0.0, drift.z or 0.0
    text = (
        f"{quantity.title} in {drift.filter or 'all'}: {quantity.shown(drift.tonight)}, usually "
        f"{quantity.shown(usual)} +- {quantity.shown(width)} ({z:+.1f} sigma, {len(drift.before)} nights)"
    )
    return Unusual(min(abs(z), 50.0), text, quantity.advice)


def _unexpected(sections: Sequence[SectionCheck]) -> Iterable[Unusual]:
    """Yield quantities that are outside of the range in which they must be, whatever they were before."""
    for quantity in QUANTITIES:
        if quantity.expected is None:
            continue
        low, high = quantity.expected
        values = [one.values[quantity.name] for one in sections if quantity.name in one.values]
        outside = [value for value in values if not low <= value <= high]
        if outside:
            worst = max(outside, key=lambda value: max(low - value, value - high))
            text = (
                f"{quantity.title} outside of {quantity.shown(low)} to {quantity.shown(high)} in "
                f"{_sections(len(outside))} of {len(values)}; the worst has {quantity.shown(worst)}"
            )
            yield Unusual(20.0 * len(outside) / len(values), text, quantity.advice)


def _outliers(sections: Sequence[SectionCheck]) -> Iterable[Unusual]:
    """Yield sections that are far from the others of their filter."""
    for quantity in QUANTITIES:
        for band in sorted({one.filter for one in sections}):
            yield from _outliers_of(
                quantity, [one for one in sections if one.filter == band and quantity.name in one.values]
            )


def _outliers_of(quantity: Quantity, sections: Sequence[SectionCheck]) -> Iterable[Unusual]:
    if len(sections) < _FEWEST_SECTIONS:
        return
    values = np.array([one.values[quantity.name] for one in sections])
    usual = float(np.median(values))
    width = max(scatter(values), quantity.floor(usual))
    for one, z in zip(sections, (values - usual) / width, strict=True):
        if abs(z) >= _OUTLIER_SIGMA and is_worse(quantity, z):
            text = (
                f"{quantity.title} of {one.section} in {one.exposure}: {quantity.shown(one.values[quantity.name])}; "
                f"the median of {len(sections)} sections is {quantity.shown(usual)}"
            )
            yield Unusual(min(abs(z), 50.0) / 10.0, text, quantity.advice)


def _sections(count: int) -> str:
    return f"{count} section{'' if count == 1 else 's'}"

"""The table of a report: a row an exposure, or a row a section where there is one exposure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import numpy as np

from seechange_core.store.night_checks import QUANTITIES, NightChecks, SectionCheck

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
#: Quantities of the table with their headings.
_SHOWN = {
    "seeing_arcsec": "seeing (arcsec)",
    "zero_point_per_s": "zero point (mag)",
    "limiting_magnitude": "limit, new (mag)",
    "difference_limiting_magnitude": "limit, difference (mag)",
    "score_scatter": "scatter of significance",
    "star_residual_scatter": "residuals of stars (%)",
}
_QUANTITIES = [quantity for quantity in QUANTITIES if quantity.name in _SHOWN]


def headings(checks: NightChecks) -> tuple[str, ...]:
    """Return the headings of the columns."""
    return (
        *("UTC", "section" if checks.n_exposures == 1 else "exposure", "state", "filter"),
        *(_SHOWN[quantity.name] for quantity in _QUANTITIES),
        *("peaks", "candidates", "likely real"),
    )


def exposure_rows(checks: NightChecks) -> Iterator[Sequence[str]]:
    """Yield the cells of each exposure and filter, or of each section; numbers are medians over sections."""
    single = checks.n_exposures == 1
    for _, grouped in groupby(
        checks.sections, lambda one: (one.exposure_id, one.section if single else one.filter)
    ):
        sections = list(grouped)
        yield (*_named(sections, single), *_medians(sections), *_counts(sections))


def _named(sections: Sequence[SectionCheck], single: bool) -> Sequence[str]:
    first = sections[0]
    time = (_MJD_ZERO + timedelta(days=first.mjd)).strftime("%H:%M:%S")
    if single:
        return time, first.section, first.state, first.filter
    states = Counter(one.state for one in sections)
    return (
        time,
        first.exposure,
        ", ".join(f"{count} {state}" for state, count in states.items()),
        first.filter,
    )


def _medians(sections: Sequence[SectionCheck]) -> Iterator[str]:
    for quantity in _QUANTITIES:
        values = [one.values[quantity.name] for one in sections if quantity.name in one.values]
        yield quantity.shown(float(np.median(values))).removesuffix(quantity.unit).strip() if values else "-"


def _counts(sections: Sequence[SectionCheck]) -> Sequence[str]:
    decided = [one for one in sections if one.subtracted]
    if not decided:
        return "-", "-", "-"
    real = [sum(one.n_likely_real.values()) for one in decided if one.n_likely_real]
    return (
        str(sum(one.n_peaks for one in decided)),
        str(sum(one.n_peaks - one.n_deleted for one in decided)),
        str(sum(real)) if real else "-",
    )

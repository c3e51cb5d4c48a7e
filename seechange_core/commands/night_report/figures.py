"""Figures of a night's report, as PNG."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seechange_core.plots.style import BLACK, BLUE, FILTER_COLOURS, GREEN, ORANGE, RED, new_figure
from seechange_core.store.night_checks import QUANTITIES, Drift, NightChecks, Quantity, SectionCheck

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_WIDTH_INCH = 9.0
_GRID_COLUMNS = 4
_BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}
#: What is drawn over the sections, by figure.
SKY = ("seeing_arcsec", "sky_electron_per_s", "zero_point_per_s", "limiting_magnitude")
DIFFERENCES = ("score_scatter", "star_residual", "star_residual_scatter", "difference_limiting_magnitude")
_MOST_LABELS = 70
#: Half of a scale is no less than so many times the scatter that is always normal.
_LEAST_SPAN = 2.0


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file, in which nothing says when it was made."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def over_sections(checks: NightChecks, names: Sequence[str]) -> Figure | None:
    """Draw quantities over time, or over the sections of a single exposure; None where there are none."""
    measured = [name for name in names if any(name in one.values for one in checks.sections)]
    if not measured:
        return None
    figure = new_figure(_WIDTH_INCH, 1.35 * len(measured) + 0.7)
    panels = figure.subplots(len(measured), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, measured, strict=True):
        _panel(axes, checks, _BY_NAME[name])
    panels[0].legend(frameon=False, ncols=6, loc="lower right", bbox_to_anchor=(1, 1))
    _label_places(panels[-1], checks)
    figure.align_ylabels()
    return figure


def _panel(axes: Axes, checks: NightChecks, quantity: Quantity) -> None:
    place = _places(checks)
    everything = [one.values[quantity.name] for one in checks.sections if quantity.name in one.values]
    for band in sorted({one.filter for one in checks.sections}):
        own = [one for one in checks.sections if one.filter == band and quantity.name in one.values]
        colour = FILTER_COLOURS.get(band, BLUE)
        values = [one.values[quantity.name] * quantity.shown_times for one in own]
        axes.plot(
            [place(one) for one in own], values, "o", ms=4, mec="none", alpha=0.75, color=colour, label=band
        )
        for drift in checks.drifts:
            if (drift.quantity, drift.filter) == (quantity, band) and drift.usual is not None:
                axes.axhline(drift.usual * quantity.shown_times, color=colour, lw=0.8, ls="--", alpha=0.7)
    # Where all is quiet the scale shows that, and not trifles.
    (low, high), usual = axes.get_ylim(), float(np.median(everything))
    half = max((high - low) / 2, _LEAST_SPAN * quantity.floor(usual) * quantity.shown_times)
    axes.set_ylim((low + high) / 2 - half, (low + high) / 2 + half)
    unit = f"\n({quantity.unit})" if quantity.unit else ""
    axes.set_ylabel(f"{_wrapped(quantity.title)}{unit}", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(visible=True, alpha=0.25)


def _places(checks: NightChecks) -> Callable[[SectionCheck], Any]:
    if checks.n_exposures > 1:
        return lambda one: _MJD_ZERO + timedelta(days=one.mjd)
    number = {one.section: index for index, one in enumerate(checks.sections)}
    return lambda one: number[one.section]


def _label_places(axes: Axes, checks: NightChecks) -> None:
    if checks.n_exposures > 1:
        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.set_xlabel("UTC")
    else:
        names = [one.section for one in checks.sections]
        shown = range(0, len(names), 1 + len(names) // _MOST_LABELS)
        axes.set_xticks(list(shown), [names[index] for index in shown], rotation=90 if len(names) > 12 else 0)
        axes.set_xlabel("section")


def decisions(checks: NightChecks) -> Figure | None:
    """Draw how many peaks each test flagged and deleted, and how the candidates score; None without candidates."""
    decided = [one for one in checks.sections if one.subtracted]
    if not decided:
        return None
    scorers = sorted({name for one in decided for name in one.scores})
    names = list(dict.fromkeys(name for one in decided for name in one.decisions))
    figure = new_figure(_WIDTH_INCH, max(2.6, 0.34 * len(names) + 1.2))
    left, right = figure.subplots(1, 2) if scorers else (figure.subplots(), None)
    _draw_tests(left, decided, names)
    if right is not None:
        _draw_scores(right, decided, scorers)
    return figure


def _draw_tests(axes: Axes, decided: Sequence[SectionCheck], names: Sequence[str]) -> None:
    deleted = np.array([_count(decided, name, "deleted") for name in names])
    flagged = np.array([_count(decided, name, "flagged") for name in names]) - deleted
    rows = np.arange(len(names))
    axes.barh(rows, deleted, color=RED, label="deleted")
    axes.barh(rows, np.maximum(flagged, 0), left=deleted, color=ORANGE, label="flagged")
    axes.set_yticks(rows, names, fontsize=8)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("peaks (one may fail several tests)", fontsize=8)
    axes.set_title("rejections by test", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(visible=True, axis="x", alpha=0.25)


def _count(decided: Sequence[SectionCheck], test: str, verdict: str) -> int:
    return sum(one.decisions.get(test, {}).get(verdict, 0) for one in decided)


def _draw_scores(axes: Axes, decided: Sequence[SectionCheck], scorers: Sequence[str]) -> None:
    for name, colour in zip(scorers, (BLUE, GREEN, BLACK, RED), strict=False):
        counts = np.sum([one.scores[name] for one in decided if name in one.scores], axis=0)
        axes.stairs(counts, np.linspace(0.0, 1.0, len(counts) + 1), color=colour, lw=1.5, label=name)
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("real-bogus score: 0 bogus, 1 real", fontsize=8)
    axes.set_title("candidates by real-bogus score", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.legend(frameon=False, fontsize=8, loc="upper center")
    axes.grid(visible=True, alpha=0.25)


def drifts(checks: NightChecks) -> Figure | None:
    """Draw the medians of the earlier nights with tonight's; None without earlier nights."""
    drawn = [drift for drift in checks.drifts if drift.before]
    if not drawn:
        return None
    names = list(dict.fromkeys(drift.quantity.name for drift in drawn))
    n_rows = -(-len(names) // _GRID_COLUMNS)
    figure = new_figure(_WIDTH_INCH, 1.45 * n_rows + 0.6)
    grid = figure.subplots(n_rows, _GRID_COLUMNS, squeeze=False).ravel()
    nights = (*checks.earlier, checks.night.name)
    for axes, name in zip(grid, names, strict=False):
        for drift in drawn:
            if drift.quantity.name == name:
                _draw_drift(axes, drift, nights)
        axes.set_title(_wrapped(_with_unit(_BY_NAME[name]), 30), fontsize=7.5)
        axes.set_xlim(-0.5, len(nights) - 0.5)
        axes.set_xticks([0, len(nights) - 1], [nights[0][5:], nights[-1][5:]], fontsize=7)
        axes.tick_params(axis="y", labelsize=7)
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.grid(visible=True, alpha=0.25)
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    return figure


def _draw_drift(axes: Axes, drift: Drift, nights: Sequence[str]) -> None:
    colour, times = FILTER_COLOURS.get(drift.filter, BLUE), drift.quantity.shown_times
    places = [nights.index(name) for name, _ in drift.before]
    axes.plot(
        places, [value * times for _, value in drift.before], "o-", ms=3, lw=0.8, color=colour, alpha=0.7
    )
    if drift.usual is not None and drift.scatter is not None:
        low, high = (drift.usual + side * 3.5 * drift.scatter for side in (-1, 1))
        axes.axhspan(low * times, high * times, color=colour, alpha=0.10, lw=0)
    marker, face = ("D", BLACK) if drift.worse else ("o", colour)
    axes.plot([len(nights) - 1], [drift.tonight * times], marker, ms=6, color=face, mec=BLACK, mew=0.6)


def _with_unit(quantity: Quantity) -> str:
    return f"{quantity.title} ({quantity.unit})" if quantity.unit else quantity.title


def _wrapped(text: str, width: int = 18) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])

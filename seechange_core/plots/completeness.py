"""Pictures of what is found of injected sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seechange_core.frames import Floats, RecoveredTable
from seechange_core.frames.fakes import ENVIRONMENTS, GALAXY, SKY, STAR
from seechange_core.imaging.candidates.completeness import fit_completeness
from seechange_core.plots.style import BLACK, BLUE, GREEN, ORANGE, new_figure

_COLOURS = {SKY: BLUE, GALAXY: ORANGE, STAR: GREEN}
_NAMES = {SKY: "empty sky", GALAXY: "galaxies", STAR: "stars"}
_MARKERS = {SKY: "o", GALAXY: "s", STAR: "^"}
_BELOW: dict[str, Any] = {"frameon": False, "loc": "upper center", "bbox_to_anchor": (0.5, -0.13), "ncols": 2}
_PER_BIN = 12
_MOST_BINS = 16
_BRIGHT_SIGMA = 8.0


def plot_completeness(tables: Sequence[RecoveredTable]) -> Figure:
    """Draw which part is found by magnitude, with the fitted curves, and measured over true fluxes.

    Parameters
    ----------
    tables : sequence of RecoveredTable
        Of one or more images, which are drawn, and fitted, together.
    """
    columns = {name: np.concatenate([table[name] for table in tables]) for name in RecoveredTable.COLUMNS}
    figure = new_figure(11.0, 5.4)
    part, ratio = figure.subplots(1, 2, sharex=True)
    calibrated = all(table.flux_unit == "nJy" for table in tables)
    magnitude = columns["magnitude"] if calibrated else -2.5 * np.log10(np.abs(columns["flux"]))
    for environment in ENVIRONMENTS:
        there = columns["environment"] == environment
        if there.any():
            _draw_part(part, magnitude[there], columns["measured"][there], environment)
            _draw_fluxes(
                ratio, magnitude[there], {name: columns[name][there] for name in columns}, environment
            )
    unit = "AB magnitude" if calibrated else "-2.5 log10 of the flux"
    part.axhline(0.5, color=BLACK, linewidth=0.8, alpha=0.4)
    part.set(xlabel=unit, ylabel="fraction found and kept by the cuts", ylim=(-0.03, 1.05))
    part.set_title(
        f"Completeness: {len(magnitude)} injected sources, {len(tables)} image{'s' * (len(tables) > 1)}",
        loc="left",
    )
    part.legend(**_BELOW)
    ratio.axhline(1.0, color=BLACK, linewidth=0.8, alpha=0.4)
    ratio.set(xlabel=unit, ylabel="measured divided by true flux", ylim=(0.0, 2.0))
    ratio.set_title("Fluxes of what was found; their mean above 8 sigma", loc="left")
    ratio.legend(**_BELOW)
    for axes in (part, ratio):
        axes.grid(visible=True, alpha=0.25)
    return figure


def _draw_part(axes: Axes, magnitude: Floats, found: Floats, environment: str) -> None:
    fit = fit_completeness(magnitude, found.astype(bool))
    label = _NAMES[environment]
    if np.isfinite(fit.magnitude50):
        grid = np.linspace(magnitude.min(), magnitude.max(), 200)
        axes.plot(grid, fit.at(grid), color=_COLOURS[environment], linewidth=1.4)
        axes.axvline(fit.magnitude50, color=_COLOURS[environment], linewidth=0.8, linestyle=":")
        label += f": half at {fit.magnitude50:.2f} ± {fit.error50:.2f}"
    edges = np.linspace(
        magnitude.min(), magnitude.max(), int(np.clip(len(magnitude) // _PER_BIN, 2, _MOST_BINS)) + 1
    )
    number = np.histogram(magnitude, edges)[0]
    kept = np.histogram(magnitude[found.astype(bool)], edges)[0]
    some = number > 0
    share = kept[some] / number[some]
    # Half a source found and half a source missed keep the error of 0 and 1 from being none.
    smooth = (kept[some] + 0.5) / (number[some] + 1.0)
    error = np.sqrt(smooth * (1 - smooth) / number[some])
    axes.errorbar(
        ((edges[1:] + edges[:-1]) / 2)[some],
        share,
        [np.minimum(error, share), np.minimum(error, 1 - share)],
        fmt=_MARKERS[environment],
        color=_COLOURS[environment],
        markersize=5,
        capsize=2,
        linewidth=1.0,
        label=label,
    )


def _draw_fluxes(axes: Axes, magnitude: Floats, columns: dict[str, Floats], environment: str) -> None:
    found = columns["measured"].astype(bool) & np.isfinite(columns["measured_flux"])
    if not found.any():
        return
    true = columns["flux"][found]
    ratio, error = (
        columns["measured_flux"][found] / true,
        columns["measured_flux_error"][found] / np.abs(true),
    )
    # Of faint ones only those are found that the noise made brighter.
    bright = np.abs(true) > _BRIGHT_SIGMA * columns["measured_flux_error"][found]
    label = _NAMES[environment]
    if bright.any():
        weight = 1.0 / error[bright] ** 2
        label += f": {np.average(ratio[bright], weights=weight):.3f} ± {weight.sum() ** -0.5:.3f}"
    axes.errorbar(
        magnitude[found],
        ratio,
        error,
        fmt=_MARKERS[environment],
        color=_COLOURS[environment],
        markersize=4,
        linewidth=0.7,
        alpha=0.7,
        label=label,
    )

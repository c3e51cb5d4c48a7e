"""Light curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from seechange_core.plots.style import BLACK, BLUE, FILTER_COLOURS, new_figure

_MARKERS = "osD^P*X"
_DETECTED_SIGMA, _LIMIT_SIGMA = 3.0, 5.0


def plot_light_curve(
    mjd: ArrayLike,
    flux: ArrayLike,
    flux_error: ArrayLike,
    filters: ArrayLike,
    truth: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    axes: Axes | None = None,
    *,
    unit: str = "nJy",
    title: str = "",
) -> Axes:
    """Draw fluxes over time, one colour and marker a filter.

    Fluxes within 3 sigma of zero are drawn hollow and pale, each with a triangle at 5 sigma: its limit.

    Parameters
    ----------
    mjd : array of shape (n,)
        Mid-exposure, UTC.
    flux, flux_error : array of shape (n,)
        In `unit`; errors are 1 sigma.
    filters : array of str of shape (n,)
        Names of the filters.
    truth : mapping, optional
        By filter: times (MJD) and fluxes of the true light curve, in any order.
    axes : Axes, optional
        Where to draw; a new figure without.
    unit : str
        Of the fluxes: ``"nJy"``, or what takes its place where they are not calibrated.
    title : str
        Above the picture.
    """
    axes = new_figure(8.0, 4.5).add_subplot() if axes is None else axes
    times, values, errors = (np.asarray(column, np.float64) for column in (mjd, flux, flux_error))
    names = np.asarray(filters, np.str_)
    axes.axhline(0.0, color=BLACK, linewidth=0.8, alpha=0.5)
    for number, name in enumerate(np.unique(names)):
        colour, own = FILTER_COLOURS.get(str(name), BLUE), names == name
        if truth is not None and str(name) in truth:
            _draw_truth(axes, *truth[str(name)], colour, str(name))
        detected = np.abs(values) > _DETECTED_SIGMA * errors
        for seen, label in (
            (own & detected, f"{name}"),
            (own & ~detected, f"{name}, below {_DETECTED_SIGMA:g} sigma"),
        ):
            if seen.any():
                axes.errorbar(
                    times[seen],
                    values[seen],
                    errors[seen],
                    fmt=_MARKERS[number % len(_MARKERS)],
                    color=colour,
                    markerfacecolor=colour if label == name else "none",
                    alpha=1.0 if label == name else 0.6,
                    markersize=5,
                    capsize=2,
                    linewidth=1.2,
                    label=label,
                )
        limited = own & ~detected
        if limited.any():
            axes.plot(
                times[limited],
                _LIMIT_SIGMA * errors[limited],
                linestyle="none",
                marker="v",
                color=colour,
                markerfacecolor="none",
                markersize=7,
                label=f"{name}, {_LIMIT_SIGMA:g} sigma limit",
            )
    if len(names):
        # Beside the data, where no marker of it can be taken for one of them.
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.set(xlabel="MJD (day, UTC)", ylabel=f"flux, new minus reference ({unit})", title=title)
    axes.grid(visible=True, alpha=0.25)
    return axes


def _draw_truth(axes: Axes, mjd: ArrayLike, flux: ArrayLike, colour: str, name: str) -> None:
    times: NDArray[Any] = np.asarray(mjd, np.float64)
    order = np.argsort(times)
    axes.plot(
        times[order], np.asarray(flux, np.float64)[order], color=colour, alpha=0.5, label=f"{name}, truth"
    )

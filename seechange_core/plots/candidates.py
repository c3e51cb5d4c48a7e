"""A page of stamps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seechange_core.frames import MeasurementTable, ScoreTable, Stamps
from seechange_core.plots.style import GREEN, RED, new_figure, show_pixels

_STAMP_INCH = 1.05
_STAMPS_A_LINE = 9


def plot_stamps(
    stamps: Stamps,
    measurements: MeasurementTable,
    scores: ScoreTable | None = None,
    *,
    rows: Sequence[int] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw new image, reference, difference and, where it was cut, score, with what was measured on them.

    Parameters
    ----------
    stamps, measurements
        Row i of the one belongs to row i of the other.
    scores : ScoreTable, optional
        Each candidate's real-bogus scores are written above it.
    rows : sequence of int, optional
        Which candidates to draw, in this order; by default all, which is for some dozens.
    title : str, optional
        Above the page; by default what the pictures show.
    """
    kinds = ["new", "ref", "difference", *(["score"] if stamps.score is not None else [])]
    title = ", ".join(kinds).replace("ref", "reference") if title is None else title
    a_line = _STAMPS_A_LINE // len(kinds)
    chosen = list(range(stamps.n_candidates)) if rows is None else list(rows)
    n_lines = max(1, math.ceil(len(chosen) / a_line))
    figure = new_figure(a_line * (len(kinds) * _STAMP_INCH + 0.3), n_lines * (_STAMP_INCH + 0.45) + 0.4)
    figure.suptitle(title if chosen else f"{title}: no candidates")
    cells = figure.subfigures(n_lines, a_line, squeeze=False)
    for cell, row in zip(cells.ravel(), chosen, strict=False):
        like_psf = bool(measurements["psf_like"][row])
        cell.suptitle(
            _caption(measurements, row) + _opinions(scores, row), fontsize=7, color=GREEN if like_psf else RED
        )
        for kind, axes in zip(kinds, cell.subplots(1, len(kinds)), strict=True):
            _draw(axes, getattr(stamps, kind)[row], symmetric=kind in {"difference", "score"})
    if chosen:
        figure.supxlabel(f"{stamps.size} pixels a side; green: like the PSF, red: not", fontsize=8)
    return figure


def _draw(axes: Axes, stamp: NDArray[np.float32], *, symmetric: bool) -> None:
    show_pixels(axes, stamp, symmetric=symmetric)
    axes.set(xticks=[], yticks=[])


def _caption(measurements: MeasurementTable, row: int) -> str:
    sign = "+" if measurements["flux"][row] >= 0 else "\N{MINUS SIGN}"
    caption = f"{row}: S/N {sign}{abs(measurements['snr'][row]):.1f}"
    if np.isfinite(measurements["magnitude"][row]):
        caption += f", {measurements['magnitude'][row]:.2f} mag"
    return caption


def _opinions(scores: ScoreTable | None, row: int) -> str:
    if scores is None:
        return ""
    own = scores.rows(scores["row"] == row)
    return "".join(f", {name} {score:.2f}" for name, score in zip(own["scorer"], own["score"], strict=True))

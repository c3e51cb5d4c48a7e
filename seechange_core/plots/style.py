"""How pictures look: colours that colour-blind people can tell apart, stretches, figures without a window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

# Okabe & Ito (2008), https://jfly.uni-koeln.de/color/
BLACK, ORANGE, SKY_BLUE, GREEN, BLUE, RED, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
FILTER_COLOURS = {"u": PURPLE, "g": GREEN, "r": RED, "i": ORANGE, "z": BLUE, "Y": BLACK, "y": BLACK}

_DARKEST_SIGMA, _BRIGHTEST_SIGMA = 2.0, 8.0
_SAMPLE = 200_000


def new_figure(width_inch: float, height_inch: float) -> Figure:
    """Return an empty figure that can be saved and is not shown."""
    figure = Figure(figsize=(width_inch, height_inch), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def robust_level(data: NDArray[Any]) -> tuple[float, float]:
    """Return the median and the robust scatter (1.4826 times the median absolute deviation) of the finite pixels."""
    finite = data[np.isfinite(data)]
    sample = finite[:: max(1, finite.size // _SAMPLE)]
    if not sample.size:
        return 0.0, 1.0
    middle = float(np.median(sample))
    scatter = 1.4826 * float(np.median(np.abs(sample - middle)))
    return middle, scatter if scatter > 0 else float(sample.std()) or 1.0


def show_pixels(axes: Axes, data: NDArray[Any], *, symmetric: bool = False) -> AxesImage:
    """Draw pixels in grey, from a little below the sky to well above it.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    data : array of shape (ny, nx)
        NaN is drawn in a colour of its own.
    symmetric : bool
        Zero in the middle of the scale, as differences need it.
    """
    middle, scatter = robust_level(data)
    low, high = middle - _DARKEST_SIGMA * scatter, middle + _BRIGHTEST_SIGMA * scatter
    if symmetric:
        low, high = -5.0 * scatter, 5.0 * scatter
    axes.set_facecolor("#c6d8e8")
    return axes.imshow(data, origin="lower", cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")


def save(axes: Axes, path: Path) -> None:
    """Write the figure that axes belong to; the ending of the path names the format."""
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.savefig(path)

"""Pictures of a subtraction: what went in and what came out, side by side."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seechange_core.frames import Difference, Frame, Pixels, unusable
from seechange_core.plots.style import new_figure, show_pixels

_PANEL_INCH = 4.5
#: The score is drawn from minus to plus so many sigma.
_SCORE_SIGMA = 8.0


def plot_subtraction(new: Frame, reference: Frame, difference: Difference) -> Figure:
    """Draw new image, aligned reference, difference and significance; what has no value is left pale blue.

    Parameters
    ----------
    new, reference : Frame
        On one grid, without sky, in electrons of the new image.
    difference : Difference
        The significance is left out if there is none.
    """
    panels: list[tuple[str, Pixels]] = [
        ("New", _usable(new.data, new.mask)),
        ("Reference, aligned", _usable(reference.data, reference.mask)),
        ("Difference", _usable(difference.data, difference.mask)),
    ]
    if difference.score is not None:
        panels.append(("Significance (sigma)", difference.score))
    ny, nx = new.shape
    height = min(max(_PANEL_INCH * ny / nx, 2.5), 2.5 * _PANEL_INCH)
    figure = new_figure(_PANEL_INCH * len(panels), height + 1.3)
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axis, (title, pixels) in zip(axes, panels, strict=True):
        drawn = show_pixels(axis, pixels, symmetric=title not in {"New", "Reference, aligned"})
        if title == "Score":
            drawn.set_clim(-_SCORE_SIGMA, _SCORE_SIGMA)
        axis.set(title=title, xlabel="x (pixel)")
        unit = "sigma" if title == "Score" else "electron a pixel"
        bar = figure.colorbar(drawn, ax=axis, orientation="horizontal", shrink=0.8, pad=0.02, extend="both")
        bar.set_label(unit)
    axes[0].set_ylabel("y (pixel)")
    return figure


def _usable(pixels: Pixels, mask: NDArray[np.uint16]) -> Pixels:
    return np.where(unusable(mask), np.float32(np.nan), pixels)

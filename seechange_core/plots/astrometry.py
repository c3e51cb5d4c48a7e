"""Pictures of astrometric solutions."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from seechange_core.frames import MatchedStarTable
from seechange_core.plots.style import BLUE, RED, new_figure

#: Part of the image's longer side that an arrow of three times the scatter takes.
_ARROW = 0.1


def plot_residuals(
    stars: MatchedStarTable, shape: tuple[int, int], *, title: str = "Residuals of the astrometry"
) -> Figure:
    """Draw residuals (star minus source) over the image, and north against east.

    Parameters
    ----------
    stars : MatchedStarTable
        Clipped stars are drawn as crosses, without an arrow.
    shape : tuple of int
        Rows and columns of the image.
    title : str
        Above the picture.

    Notes
    -----
    Arrows point along the east (to the left) and north (up) of the sky, not along the pixels.
    """
    figure = new_figure(11.0, 6.2)
    figure.suptitle(title)
    over, against = figure.subplots(1, 2)
    used = stars["used"]
    east, north = stars["east"][used], stars["north"][used]
    scatter = float(np.sqrt(np.mean(np.concatenate([east, north]) ** 2))) if used.any() else 0.0
    over.plot(stars["x"][~used], stars["y"][~used], "x", color=RED, label=f"{(~used).sum()} clipped")
    if scatter > 0:
        longest = _ARROW * max(shape)
        arrows = over.quiver(
            stars["x"][used], stars["y"][used], -east, north, angles="uv", scale_units="x", color=BLUE,
            scale=3.0 * scatter / longest,
        )  # fmt: skip
        over.quiverkey(arrows, 0.85, 1.03, 3.0 * scatter, f"{3.0 * scatter:.0f} mas")
    over.set(xlim=(-0.5, shape[1] - 0.5), ylim=(-0.5, shape[0] - 0.5), xlabel="x (pixel)", ylabel="y (pixel)")
    over.set_aspect("equal")
    over.set_title(f"{used.sum()} stars, rms {scatter:.1f} mas along one axis", loc="left", fontsize="medium")
    against.plot(
        stars["east"][~used], stars["north"][~used], "x", color=RED, label=f"{(~used).sum()} clipped"
    )
    against.plot(east, north, ".", color=BLUE, label=f"{used.sum()} used")
    against.axhline(0.0, color="#999999", linewidth=0.8)
    against.axvline(0.0, color="#999999", linewidth=0.8)
    against.set(xlabel="catalogue star minus source, east (mas)", ylabel="north (mas)")
    against.invert_xaxis()
    against.set_aspect("equal", adjustable="datalim")
    against.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    return figure

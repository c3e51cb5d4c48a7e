"""Pictures of whole images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from seechange_core.frames import Difference, Frame, MaskPlane
from seechange_core.plots.style import BLUE, GREEN, RED, new_figure, show_pixels

_WIDTH_INCH = 8.0


def plot_image(frame: Frame, axes: Axes | None = None, *, title: str = "") -> Axes:
    """Draw an image with a scale in electrons.

    Parameters
    ----------
    frame : Frame
        What to draw; pixels without data stay empty.
    axes : Axes, optional
        Where to draw; a new figure without.
    title : str
        Above the picture; by default section, filter and time, as far as known.
    """
    axes = _axes_for(frame.data, axes)
    _draw(axes, frame.data, frame.mask, symmetric=False)
    axes.set_title(title or _describe(frame.info))
    return axes


def plot_difference(
    difference: Difference,
    detections: Mapping[str, NDArray[Any]],
    truth: Mapping[str, NDArray[Any]] | None = None,
    axes: Axes | None = None,
    *,
    match_radius_pixel: ArrayLike = 2.0,
    title: str = "Difference: new image minus reference",
) -> Axes:
    """Draw a difference image with its detections, told apart by the truth where there is one.

    Parameters
    ----------
    difference : Difference
        What to draw.
    detections : mapping
        ``x`` and ``y`` (pixel) of detections or measurements.
    truth : mapping, optional
        ``x`` and ``y`` of the sources that should be there. Those with a detection within the radius are marked as
        found, the rest as missed, and detections without such a source as other ones.
    axes : Axes, optional
        Where to draw; a new figure without.
    match_radius_pixel : float or array of shape (number of detections,)
        How near a detection has to be to its source.
    title : str
        Above the picture.
    """
    axes = _axes_for(difference.data, axes)
    _draw(axes, difference.data, difference.mask, symmetric=True)
    found_xy = _positions(detections)
    if truth is None:
        _mark(axes, found_xy, "o", BLUE, "detection")
    else:
        true_xy = _positions(truth)
        radius = np.broadcast_to(np.asarray(match_radius_pixel, np.float64), len(found_xy))
        nearest, distance = _nearest(true_xy, found_xy)
        found = distance <= np.append(radius, 0.0)[nearest]
        _mark(axes, true_xy[found], "o", GREEN, "found")
        _mark(axes, true_xy[~found], "s", RED, "missed")
        _mark(axes, found_xy[_nearest(found_xy, true_xy)[1] > radius], "D", BLUE, "other detection")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=3, frameon=False)
    axes.set_title(title)
    return axes


def _axes_for(data: NDArray[Any], axes: Axes | None) -> Axes:
    if axes is not None:
        return axes
    ny, nx = data.shape
    figure = new_figure(_WIDTH_INCH, min(max(_WIDTH_INCH * ny / nx * 0.82 + 0.8, 4.0), 16.0))
    return figure.add_subplot()


def _draw(axes: Axes, data: NDArray[Any], mask: NDArray[Any], *, symmetric: bool) -> None:
    pixels = np.where(mask & np.uint16(MaskPlane.NO_DATA), np.nan, data)
    drawn = show_pixels(axes, pixels, symmetric=symmetric)
    axes.figure.colorbar(drawn, ax=axes, label="electron a pixel", shrink=0.8, pad=0.02, extend="both")
    axes.set(xlabel="x (pixel)", ylabel="y (pixel)")


def _positions(table: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    return np.stack([np.asarray(table["x"], np.float64), np.asarray(table["y"], np.float64)], axis=1)


def _nearest(points: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return for each point the row of the nearest other one, and its distance: -1 and infinity without others."""
    if not len(points) or not len(others):
        return np.full(len(points), -1), np.full(len(points), np.inf)
    distance, row = KDTree(others).query(points)
    return np.asarray(row), np.asarray(distance)


def _mark(axes: Axes, xy: NDArray[Any], marker: str, colour: str, meaning: str) -> None:
    label = f"{meaning} ({len(xy)})"
    axes.scatter(
        xy[:, 0],
        xy[:, 1],
        s=90,
        marker=marker,
        facecolors="none",
        edgecolors=colour,
        linewidths=1.4,
        label=label,
    )


def _describe(info: Mapping[str, Any]) -> str:
    parts = [str(info[name]) for name in ("instrument", "section", "filter") if info.get(name)]
    if "mjd" in info:
        parts.append(f"MJD {info['mjd']:.5f}")
    return ", ".join(parts)

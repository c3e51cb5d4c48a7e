"""The smooth light of the sky: measured on a coarse mesh, drawn as a spline."""

from __future__ import annotations

import math

import numpy as np
import sep
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from seechange_core.errors import Rejected
from seechange_core.frames import BackgroundModel, Floats, Pixels
from seechange_core.imaging.matched_filter import significance
from seechange_core.imaging.mesh import clipped_means, without_outliers

# High enough that peaks of the noise are kept: leaving those out would make the sky too faint.
_SOURCE_THRESHOLD_SIGMA = 4.0


def measure_background(
    data: Pixels,
    mask: NDArray[np.bool_],
    *,
    box_pixel: int,
    filter_cells: int = 3,
    kernel_fwhm: float = 3.5,
    margin_pixel: int = 3,
) -> BackgroundModel:
    """Measure sky level and noise, first on all usable pixels, then without the sources found above the first result.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Electrons; finite.
    mask : bool array of shape (ny, nx)
        Pixels not to be used.
    box_pixel : int
        Side of a mesh cell; made smaller where the image is.
    filter_cells : int
        Side of the square of cells whose median a deviating cell gets (cells, odd).
    kernel_fwhm : float
        Width of the filter that sources are found with (pixel).
    margin_pixel : int
        How far beyond its pixels above the threshold a source is left out.

    Raises
    ------
    Rejected
        If no pixel is usable or the image is constant.

    Notes
    -----
    The first level of a cell is the clipped mode of Bertin & Arnouts (1996), A&AS 117, 393, as sep computes it. It
    withstands sources, but Poisson noise alone makes it too low by 0.4 / sqrt(electrons) of the noise. Where sources
    are left out the clipped mean needs no such estimate.
    """
    if mask.all():
        raise Rejected("no pixel of the image is usable: all are masked or not finite")
    box = (_box(data.shape[0], box_pixel), _box(data.shape[1], box_pixel))
    first = sep.Background(data, mask=mask, bw=box[1], bh=box[0], fw=filter_cells, fh=filter_cells)
    variance = np.full(data.shape, first.globalrms**2, np.float32)
    sources = significance(data - first.back(), variance, mask, kernel_fwhm) > _SOURCE_THRESHOLD_SIGMA
    level, rms = clipped_means(
        data, mask | grown_square(sources, margin_pixel), first.back(), np.float32(first.globalrms), box
    )
    level, rms = (without_outliers(mesh, filter_cells) for mesh in (level, rms))
    if not np.median(rms) > 0:
        raise Rejected("the image is constant: its sky has no noise")
    return BackgroundModel(level, rms, box, data.shape, float(np.median(level)), float(np.median(rms)))


def background_image(model: BackgroundModel) -> Pixels:
    """Draw the sky level of every pixel as a bicubic natural spline through the mesh; shape `model.shape`."""
    rows = _spline_weights(model.shape[0], model.box[0]).astype(np.float32)
    columns = _spline_weights(model.shape[1], model.box[1]).astype(np.float32)
    return np.ascontiguousarray((rows @ model.level) @ columns.T)


def grown_square(area: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """Return which pixels are within a margin of an area along both axes."""
    grown = area.copy()
    for step in range(1, margin + 1):
        grown[step:] |= area[:-step]
        grown[:-step] |= area[step:]
    rows = grown.copy()
    for step in range(1, margin + 1):
        grown[:, step:] |= rows[:, :-step]
        grown[:, :-step] |= rows[:, step:]
    return grown


def _box(length: int, box_pixel: int) -> int:
    """Side of a cell close to the one wanted, such that cells cover an axis without a narrow one at the end."""
    return math.ceil(length / max(1, round(length / box_pixel)))


def _spline_weights(length: int, box: int) -> Floats:
    """Matrix from the values at the centres of the cells to those at all pixels of one axis."""
    n_cells = math.ceil(length / box)
    if n_cells == 1:
        return np.ones((length, 1))
    centres = (np.arange(n_cells) + 0.5) * box - 0.5
    spline = CubicSpline(centres, np.eye(n_cells), bc_type="natural")
    weights: Floats = spline(np.arange(length))
    return weights

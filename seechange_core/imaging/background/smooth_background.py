"""The smooth light of the sky: measured on a coarse mesh, drawn as a spline."""

from __future__ import annotations

import math

import numpy as np
import sep
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from seechange_core.errors import Rejected
from seechange_core.frames import BackgroundModel, Floats, Frame, Pixels
from seechange_core.imaging.background.mesh import clipped_means, without_outliers
from seechange_core.imaging.background.source_mask import binned_pairs, grown_with_size
from seechange_core.imaging.matched_filter import significance

# Peaks and dips of the noise are left out alike, so that the threshold can be low and the sky is not made too faint.
_SOURCE_THRESHOLD_SIGMA = 3.0
# Twice as far out as it is seen, the light of a source is below 1 % of the noise of the sky.
_GROWTH = 2.0
# Side of the squares of pixels in which sources are looked for: as good for faint wings, in a quarter of the time.
_BINNING = 2
_STRIP_ROWS = 128


def measure_background(
    data: Pixels,
    mask: NDArray[np.bool_],
    *,
    box_pixel: int,
    filter_cells: int = 3,
    kernel_fwhm: float = 3.5,
    margin_pixel: float = 2.0,
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
    margin_pixel : float
        How far a source is left out beyond twice the radius that stands out of the noise.

    Raises
    ------
    Rejected
        If no pixel is usable or the image is constant.

    Notes
    -----
    The first level of a cell is the clipped mode of Bertin & Arnouts (1996), A&AS 117, 393, as sep computes it. It
    withstands sources, but Poisson noise alone makes it too low by 0.4 / sqrt(electrons) of the noise. Where sources
    are left out the clipped mean needs no such estimate. What is too faint to be seen, like the faintest stars of a
    crowded field, counts as sky.
    """
    if mask.all():
        raise Rejected("no pixel of the image is usable: all are masked or not finite")
    box = (_box(data.shape[0], box_pixel), _box(data.shape[1], box_pixel))
    binned, empty, variance = binned_pairs(data, mask)
    first = sep.Background(
        binned,
        mask=empty,
        bw=math.ceil(box[1] / _BINNING),
        bh=math.ceil(box[0] / _BINNING),
        fw=filter_cells,
        fh=filter_cells,
    )
    first_level, first_rms = first.back(), _BINNING * first.globalrms
    variance *= np.float32(first_rms**2)
    outstanding = significance(binned - first_level, variance, empty, kernel_fwhm / _BINNING)
    sources = (
        grown_with_size(np.abs(outstanding) > _SOURCE_THRESHOLD_SIGMA, _GROWTH, margin_pixel / _BINNING)
        .repeat(_BINNING, axis=0)
        .repeat(_BINNING, axis=1)[: data.shape[0], : data.shape[1]]
    )
    rows, columns = (
        np.minimum((np.arange(0, length, side) + side // 2) // _BINNING, n - 1)
        for length, side, n in zip(data.shape, box, binned.shape, strict=True)
    )
    level, rms = clipped_means(
        data, mask | sources, first_level[np.ix_(rows, columns)], np.float32(first_rms), box
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


def without_sky(frame: Frame, model: BackgroundModel) -> Frame:
    """Subtract the sky level from a frame, some rows at a time."""
    rows = _spline_weights(model.shape[0], model.box[0]).astype(np.float32) @ model.level
    columns = np.ascontiguousarray(_spline_weights(model.shape[1], model.box[1]).astype(np.float32).T)
    data = np.empty(frame.shape, np.float32)
    for first in range(0, len(data), _STRIP_ROWS):
        strip = slice(first, first + _STRIP_ROWS)
        np.subtract(frame.data[strip], rows[strip] @ columns, out=data[strip])
    return frame.replaced(data=data)


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

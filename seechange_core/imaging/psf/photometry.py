"""PSF fluxes and positions of all sources of an image at once, blends included."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels, PsfModel
from seechange_core.imaging.psf.rendering import rendered
from seechange_core.imaging.stamps import stamp_corners

_STAMP_HALF_FWHM = 2.5
_LARGEST_SHIFT_FWHM = 0.5
# Least part of the weight of a point source that must fall on usable pixels.
_LEAST_SEEN = 0.2
# Sums may be reordered, so that several pixels are added at once; values that are not finite stay what they are.
_REORDER = {"reassoc", "contract", "nsz"}
# Rendered beyond the pixels that are fitted, for the derivatives.
_MARGIN = 2


@dataclass(frozen=True)
class PointSources:
    """Arrays of shape (n,); fluxes and errors are NaN where too few pixels can be used.

    Parameters
    ----------
    x, y, x_error, y_error : array
        Position and 1 sigma (pixel).
    flux, flux_error : array
        PSF flux and 1 sigma (the unit of the pixels).
    extent, extent_error : array
        Variance along one axis by which the source is wider than the PSF (pixel^2) and 1 sigma; 0 for a star,
        negative for what is narrower than the PSF.
    """

    x: Floats
    y: Floats
    x_error: Floats
    y_error: Floats
    flux: Floats
    flux_error: Floats
    extent: Floats
    extent_error: Floats


def fit_point_sources(
    data: Pixels,
    variance: Pixels,
    mask: NDArray[np.bool_],
    psf: PsfModel,
    x: Floats,
    y: Floats,
    *,
    size: int | None = None,
    rounds: int = 2,
    sweeps: int = 2,
) -> tuple[PointSources, Pixels]:
    """Fit flux and position of every source, each on what the others leave.

    Parameters
    ----------
    data : array of shape (ny, nx)
        Sky subtracted.
    variance : array of shape (ny, nx)
        From a model, never from the noisy pixel, which would bias the flux by some per cent.
    mask : bool array of shape (ny, nx)
        Pixels not to be used.
    psf : PsfModel
        With its ``fwhm``.
    x, y : array of shape (n,)
        First positions (pixel), brightest source first: that order makes blends converge fastest.
    size : int, optional
        Side of the square of pixels that a source is fitted in and subtracted from (odd); by default 5 FWHM.
    rounds : int
        How often the PSF is drawn anew at the positions found.
    sweeps : int
        How often each round goes through all sources.

    Returns
    -------
    PointSources
        A source that runs away from its first position by more than half a FWHM is measured at that position.
    array of shape (ny, nx), float32
        What is left of the data.

    Notes
    -----
    Gauss and Seidel's method on the normal equations of all fluxes and positions, which converges for any blend;
    weights as in Horne (1986), PASP 98, 609, eq. 8. The extent is the part of the PSF's Laplacian that the source
    contains: light convolved with a narrow kernel of variance q is ``P + q / 2 (P_xx + P_yy)``. A fitted position is
    where noise and source together are brightest, which makes the flux too high by a part 1 / snr^2; it is taken
    out: Portillo, Speagle & Finkbeiner (2020), AJ 159, 165.
    """
    first_x, first_y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    x, y = first_x.copy(), first_y.copy()
    if size is None:
        size = 2 * math.ceil(_STAMP_HALF_FWHM * psf.fwhm) + 1
    residual = np.where(mask, np.float32(0.0), data)
    flux = np.zeros(len(x))
    for turn in range(rounds):
        corner_x, corner_y = stamp_corners(x, y, size)
        stamps = rendered(psf, x, y, size + 2 * _MARGIN)
        values = np.zeros((len(x), 3))
        values[:, 0] = flux
        if turn > 0:
            _subtract_models(residual, stamps, corner_x, corner_y, values)
        errors = np.zeros((len(x), 5))
        for sweep in range(sweeps):
            last = turn == rounds - 1 and sweep == sweeps - 1
            _sweep(residual, variance, mask, stamps, corner_x, corner_y, values, errors, last)
        if turn < rounds - 1:
            _put_back(residual, stamps, corner_x, corner_y, values)
        flux = values[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            # A shift by d turns P into P - d P'.
            shift_x, shift_y = -values[:, 1] / flux, -values[:, 2] / flux
        near = (flux > 0) & (
            np.hypot(x + shift_x - first_x, y + shift_y - first_y) <= _LARGEST_SHIFT_FWHM * psf.fwhm
        )
        x = np.where(near, x + np.where(near, shift_x, 0.0), first_x)
        y = np.where(near, y + np.where(near, shift_y, 0.0), first_y)
    bad = ~(errors[:, 0] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(near, (errors[:, 0] / flux) ** 2, 0.0)
        columns = {
            "x": x,
            "y": y,
            "x_error": errors[:, 1] / np.abs(flux),
            "y_error": errors[:, 2] / np.abs(flux),
            "flux": flux * (1.0 - excess).clip(0.0),
            "flux_error": errors[:, 0],
            "extent": errors[:, 3] / flux,
            "extent_error": errors[:, 4] / np.abs(flux),
        }
    for name in columns.keys() - {"x", "y"}:
        columns[name] = np.where(bad, np.nan, columns[name])
    return PointSources(**columns), residual


def subtract_wings(
    residual: Pixels, psf: PsfModel, x: Floats, y: Floats, flux: Floats, inner_size: int, outer_size: int
) -> None:
    """Subtract, in place, what sources have outside of the square that `fit_point_sources` subtracted.

    Parameters
    ----------
    residual : array of shape (ny, nx), float32
        As `fit_point_sources` returns it.
    psf : PsfModel
        The same.
    x, y, flux : array of shape (n,)
        Of the sources; few, since wide stamps cost much.
    inner_size, outer_size : int
        Sides of the square that was subtracted and of that to subtract to (odd, pixel).
    """
    corner_x, corner_y = stamp_corners(x, y, outer_size)
    stamps = rendered(psf, x, y, outer_size + 2 * _MARGIN)
    first = _MARGIN + (outer_size - inner_size) // 2
    stamps[:, first : first + inner_size, first : first + inner_size] = 0.0
    _subtract_models(residual, stamps, corner_x, corner_y, np.asarray(flux, np.float64)[:, None])


@njit(cache=True, fastmath=_REORDER)
def _subtract_models(
    residual: Pixels, stamps: Pixels, corner_x: NDArray[Any], corner_y: NDArray[Any], values: Floats
) -> None:
    """Subtract all sources as known so far."""
    ny, nx = residual.shape
    size = stamps.shape[1] - 2 * _MARGIN
    for n in range(len(values)):
        flux = np.float32(values[n, 0])
        i0, i1 = max(0, -corner_x[n]), min(size, nx - corner_x[n])
        if flux != 0.0:
            for j in range(max(0, -corner_y[n]), min(size, ny - corner_y[n])):
                line = stamps[n, j + _MARGIN, i0 + _MARGIN : i1 + _MARGIN]
                row = residual[corner_y[n] + j, corner_x[n] + i0 : corner_x[n] + i1]
                for i in range(len(row)):
                    row[i] -= flux * line[i]


@njit(cache=True, fastmath=_REORDER, forceinline=True)
def _differentiate(stamp: Pixels, slope_x: Pixels, slope_y: Pixels) -> float:
    """First derivatives along x and y by differences of fourth order; return the sum of the stamp's squares."""
    size = slope_x.shape[0]
    eight, twelfth = np.float32(8.0), np.float32(1.0 / 12.0)
    whole = np.float64(0.0)
    for j in range(size):
        below, under = stamp[j], stamp[j + 1]
        middle, over, above = stamp[j + 2], stamp[j + 3], stamp[j + 4]
        total = np.float32(0.0)
        for i in range(size):
            slope_x[j, i] = (eight * (middle[i + 3] - middle[i + 1]) - (middle[i + 4] - middle[i])) * twelfth
            slope_y[j, i] = (eight * (over[i + 2] - under[i + 2]) - (above[i + 2] - below[i + 2])) * twelfth
            total += middle[i + 2] * middle[i + 2]
        whole += total
    return whole


@njit(cache=True, fastmath=_REORDER, forceinline=True)
def _sums(
    residual: Pixels,
    variance: Pixels,
    mask: NDArray[np.bool_],
    stamp: Pixels,
    slope_x: Pixels,
    slope_y: Pixels,
    corner: tuple[int, int],
    values: Floats,
    normal: Floats,
    right: Floats,
) -> float:
    """Sum the normal equations of one source; return the squares of the part of the stamp that is seen."""
    ny, nx = residual.shape
    size = slope_x.shape[0]
    x0, y0 = corner
    i0, i1 = max(0, -x0), min(size, nx - x0)
    flux, value_x, value_y = np.float32(values[0]), np.float32(values[1]), np.float32(values[2])
    zero, one = np.float32(0.0), np.float32(1.0)
    seen = pp = px = py = xx = xy = yy = dp = dx = dy = np.float64(0.0)
    for j in range(max(0, -y0), min(size, ny - y0)):
        line, along_x, along_y = stamp[j + _MARGIN, i0 + _MARGIN :], slope_x[j, i0:], slope_y[j, i0:]
        row = y0 + j
        light, spread, bad = residual[row, x0 + i0 :], variance[row, x0 + i0 :], mask[row, x0 + i0 :]
        # Sums along a line are exact enough in single precision.
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = zero
        for i in range(i1 - i0):
            w = zero if bad[i] else one / spread[i]
            p, gx, gy = line[i], along_x[i], along_y[i]
            wd = w * (light[i] + flux * p + value_x * gx + value_y * gy)
            wp, wx, wy = w * p, w * gx, w * gy
            s0 += p * p if w > zero else zero
            s1 += wp * p
            s2 += wp * gx
            s3 += wp * gy
            s4 += wx * gx
            s5 += wx * gy
            s6 += wy * gy
            s7 += wd * p
            s8 += wd * gx
            s9 += wd * gy
        seen += s0
        pp += s1
        px += s2
        py += s3
        xx += s4
        xy += s5
        yy += s6
        dp += s7
        dx += s8
        dy += s9
    normal[0, 0], normal[0, 1], normal[0, 2] = pp, px, py
    normal[1, 0], normal[1, 1], normal[1, 2] = px, xx, xy
    normal[2, 0], normal[2, 1], normal[2, 2] = py, xy, yy
    right[0], right[1], right[2] = dp, dx, dy
    return seen


@njit(cache=True, fastmath=_REORDER, forceinline=True)
def _take_change(
    residual: Pixels,
    stamp: Pixels,
    slope_x: Pixels,
    slope_y: Pixels,
    corner: tuple[int, int],
    change: tuple[float, float, float],
) -> None:
    """Subtract what a source has become brighter or moved by."""
    ny, nx = residual.shape
    size = slope_x.shape[0]
    x0, y0 = corner
    i0, i1 = max(0, -x0), min(size, nx - x0)
    flux, value_x, value_y = np.float32(change[0]), np.float32(change[1]), np.float32(change[2])
    for j in range(max(0, -y0), min(size, ny - y0)):
        line, along_x, along_y = stamp[j + _MARGIN, i0 + _MARGIN :], slope_x[j, i0:], slope_y[j, i0:]
        light = residual[y0 + j, x0 + i0 : x0 + i1]
        for i in range(len(light)):
            light[i] -= flux * line[i] + value_x * along_x[i] + value_y * along_y[i]


@njit(cache=True)
def _put_back(
    residual: Pixels, stamps: Pixels, corner_x: NDArray[Any], corner_y: NDArray[Any], values: Floats
) -> None:
    """Add all sources that `_sweep` subtracted."""
    size = stamps.shape[1] - 2 * _MARGIN
    slope_x, slope_y = np.empty((size, size), np.float32), np.empty((size, size), np.float32)
    for n in range(len(values)):
        _differentiate(stamps[n], slope_x, slope_y)
        change = (-values[n, 0], -values[n, 1], -values[n, 2])
        corner = (int(corner_x[n]), int(corner_y[n]))
        _take_change(residual, stamps[n], slope_x, slope_y, corner, change)


@njit(cache=True, fastmath=_REORDER, forceinline=True)
def _extent(
    residual: Pixels, variance: Pixels, mask: NDArray[np.bool_], stamp: Pixels, corner: tuple[int, int]
) -> tuple[float, float, float]:
    """Sum the curvature (half the Laplacian) squared, times the stamp, and times what is left of the data."""
    ny, nx = residual.shape
    size = stamp.shape[0] - 2 * _MARGIN
    x0, y0 = corner
    i0, i1 = max(0, -x0), min(size, nx - x0)
    sixteen, sixty, part = np.float32(16.0), np.float32(60.0), np.float32(0.5 / 12.0)
    qq = pq = dq = np.float64(0.0)
    zero = np.float32(0.0)
    for j in range(max(0, -y0), min(size, ny - y0)):
        below, under, middle = stamp[j, i0:], stamp[j + 1, i0:], stamp[j + 2, i0:]
        over, above = stamp[j + 3, i0:], stamp[j + 4, i0:]
        row = y0 + j
        light, spread, bad = residual[row, x0 + i0 :], variance[row, x0 + i0 :], mask[row, x0 + i0 :]
        s0 = s1 = s2 = zero
        for i in range(i1 - i0):
            near = middle[i + 3] + middle[i + 1] + over[i + 2] + under[i + 2]
            far = middle[i + 4] + middle[i] + above[i + 2] + below[i + 2]
            curvature = (sixteen * near - far - sixty * middle[i + 2]) * part
            weighted = zero if bad[i] else curvature / spread[i]
            s0 += weighted * curvature
            s1 += weighted * middle[i + 2]
            s2 += weighted * light[i]
        qq += s0
        pq += s1
        dq += s2
    return qq, pq, dq


@njit(cache=True)
def _invert(matrix: Floats, inverse: Floats) -> None:
    """Invert a symmetric matrix of 3 x 3 by its cofactors."""
    a, b, c = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    d, e, f = matrix[1, 1], matrix[1, 2], matrix[2, 2]
    ca, cb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    scale = 1.0 / (a * ca + b * cb + c * cc)
    inverse[0, 0], inverse[0, 1], inverse[0, 2] = ca * scale, cb * scale, cc * scale
    inverse[1, 0], inverse[1, 1], inverse[1, 2] = cb * scale, (a * f - c * c) * scale, (b * c - a * e) * scale
    inverse[2, 0], inverse[2, 1], inverse[2, 2] = cc * scale, (b * c - a * e) * scale, (a * d - b * b) * scale


@njit(cache=True)
def _sweep(
    residual: Pixels,
    variance: Pixels,
    mask: NDArray[np.bool_],
    stamps: Pixels,
    corner_x: NDArray[Any],
    corner_y: NDArray[Any],
    values: Floats,
    errors: Floats,
    last: bool,
) -> None:
    """Refit every source once, in place."""
    size = stamps.shape[1] - 2 * _MARGIN
    slope_x, slope_y = np.empty((size, size), np.float32), np.empty((size, size), np.float32)
    normal, covariance = np.zeros((3, 3)), np.zeros((3, 3))
    right, solution, old = np.zeros(3), np.zeros(3), np.zeros(3)
    reach = 0.5 * size
    for n in range(len(values)):
        stamp, corner = stamps[n], (int(corner_x[n]), int(corner_y[n]))
        whole = _differentiate(stamp, slope_x, slope_y)
        seen = _sums(residual, variance, mask, stamp, slope_x, slope_y, corner, values[n], normal, right)
        old[:] = values[n]
        pp = normal[0, 0]
        if seen < _LEAST_SEEN * whole or pp <= 0.0:
            values[n] = 0.0
            errors[n] = np.nan
        else:
            _invert(normal, covariance)
            for i in range(3):
                solution[i] = (
                    covariance[i, 0] * right[0] + covariance[i, 1] * right[1] + covariance[i, 2] * right[2]
                )
            flux = solution[0]
            if flux <= 0.0 or solution[1] ** 2 + solution[2] ** 2 > (reach * flux) ** 2:
                # The data do not say where the source is.
                solution[0], solution[1], solution[2] = right[0] / pp, 0.0, 0.0
            values[n] = solution
            errors[n, 0] = np.sqrt(covariance[0, 0])
            errors[n, 1] = np.sqrt(covariance[1, 1])
            errors[n, 2] = np.sqrt(covariance[2, 2])
        change = (values[n, 0] - old[0], values[n, 1] - old[1], values[n, 2] - old[2])
        _take_change(residual, stamp, slope_x, slope_y, corner, change)
        if last and pp > 0.0:
            qq, pq, dq = _extent(residual, variance, mask, stamp, corner)
            # The residual holds no more of the PSF itself, so only what the curvature adds beyond it counts.
            information = qq - pq * pq / pp
            if information > 0.0:
                errors[n, 3] = dq / information
                errors[n, 4] = 1.0 / np.sqrt(information)

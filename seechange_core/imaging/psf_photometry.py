"""PSF fluxes and positions of all sources of an image at once, blends included."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels, PsfModel
from seechange_core.imaging.stamps import stamp_corners

_STAMP_HALF_FWHM = 2.5
_LARGEST_SHIFT_FWHM = 0.5
# Least part of the weight of a point source that must fall on usable pixels.
_LEAST_SEEN = 0.2
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
    weight = _weights(variance, mask)
    flux = np.zeros(len(x))
    residual = data
    for turn in range(rounds):
        corner_x, corner_y = stamp_corners(x, y, size)
        stamps = psf.stamps(x, y, size + 2 * _MARGIN).astype(np.float32)
        residual = np.where(mask, np.float32(0), data)
        values = np.zeros((len(x), 3))
        values[:, 0] = flux
        _add_models(residual, stamps, corner_x, corner_y, values)
        errors = np.zeros((len(x), 5))
        for sweep in range(sweeps):
            last = turn == rounds - 1 and sweep == sweeps - 1
            _sweep(residual, weight, stamps, corner_x, corner_y, values, errors, last)
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
    stamps = psf.stamps(x, y, outer_size + 2 * _MARGIN).astype(np.float32)
    first = _MARGIN + (outer_size - inner_size) // 2
    stamps[:, first : first + inner_size, first : first + inner_size] = 0.0
    _add_models(residual, stamps, corner_x, corner_y, np.asarray(flux, np.float64)[:, None])


@njit(cache=True)
def _weights(variance: Pixels, mask: NDArray[np.bool_]) -> Pixels:
    ny, nx = variance.shape
    weight = np.zeros_like(variance)
    for y in range(ny):
        for x in range(nx):
            if not mask[y, x]:
                weight[y, x] = np.float32(1.0) / variance[y, x]
    return weight


@njit(cache=True)
def _slopes(stamp: Pixels, j: int, i: int) -> tuple[float, float]:
    """First derivatives along x and y by differences of fourth order."""
    along_x = (8.0 * (stamp[j, i + 1] - stamp[j, i - 1]) - (stamp[j, i + 2] - stamp[j, i - 2])) / 12.0
    along_y = (8.0 * (stamp[j + 1, i] - stamp[j - 1, i]) - (stamp[j + 2, i] - stamp[j - 2, i])) / 12.0
    return along_x, along_y


@njit(cache=True)
def _curvature(stamp: Pixels, j: int, i: int) -> float:
    """Half the Laplacian, by differences of fourth order."""
    near = stamp[j, i + 1] + stamp[j, i - 1] + stamp[j + 1, i] + stamp[j - 1, i]
    far = stamp[j, i + 2] + stamp[j, i - 2] + stamp[j + 2, i] + stamp[j - 2, i]
    return 0.5 * (16.0 * near - far - 60.0 * stamp[j, i]) / 12.0


@njit(cache=True)
def _add_models(
    residual: Pixels, stamps: Pixels, corner_x: NDArray[Any], corner_y: NDArray[Any], values: Floats
) -> None:
    """Subtract all sources as known so far."""
    ny, nx = residual.shape
    size = stamps.shape[1] - 2 * _MARGIN
    for n in range(len(values)):
        if values[n, 0] != 0.0:
            for j in range(max(0, -corner_y[n]), min(size, ny - corner_y[n])):
                for i in range(max(0, -corner_x[n]), min(size, nx - corner_x[n])):
                    residual[corner_y[n] + j, corner_x[n] + i] -= (
                        values[n, 0] * stamps[n, j + _MARGIN, i + _MARGIN]
                    )


@njit(cache=True)
def _sweep(
    residual: Pixels,
    weight: Pixels,
    stamps: Pixels,
    corner_x: NDArray[Any],
    corner_y: NDArray[Any],
    values: Floats,
    errors: Floats,
    last: bool,
) -> None:
    """Refit every source once, in place."""
    ny, nx = residual.shape
    size = stamps.shape[1] - 2 * _MARGIN
    normal = np.zeros((3, 3))
    right = np.zeros(3)
    for n in range(len(values)):
        stamp = stamps[n]
        j0, j1 = max(0, -corner_y[n]), min(size, ny - corner_y[n])
        i0, i1 = max(0, -corner_x[n]), min(size, nx - corner_x[n])
        pp = px = py = xx = xy = yy = dp = dx = dy = whole = 0.0
        for j in range(size):
            for i in range(size):
                p = stamp[j + _MARGIN, i + _MARGIN]
                whole += p * p
        seen = 0.0
        for j in range(j0, j1):
            for i in range(i0, i1):
                w = weight[corner_y[n] + j, corner_x[n] + i]
                if w > 0.0:
                    p = stamp[j + _MARGIN, i + _MARGIN]
                    gx, gy = _slopes(stamp, j + _MARGIN, i + _MARGIN)
                    d = (
                        residual[corner_y[n] + j, corner_x[n] + i]
                        + values[n, 0] * p
                        + values[n, 1] * gx
                        + values[n, 2] * gy
                    )
                    seen += p * p
                    pp += w * p * p
                    px += w * p * gx
                    py += w * p * gy
                    xx += w * gx * gx
                    xy += w * gx * gy
                    yy += w * gy * gy
                    dp += w * d * p
                    dx += w * d * gx
                    dy += w * d * gy
        old0, old1, old2 = values[n, 0], values[n, 1], values[n, 2]
        if seen < _LEAST_SEEN * whole or pp <= 0.0:
            values[n] = 0.0
            errors[n] = np.nan
        else:
            normal[0, 0], normal[0, 1], normal[0, 2] = pp, px, py
            normal[1, 0], normal[1, 1], normal[1, 2] = px, xx, xy
            normal[2, 0], normal[2, 1], normal[2, 2] = py, xy, yy
            right[0], right[1], right[2] = dp, dx, dy
            covariance = np.linalg.inv(normal)
            solution = covariance @ right
            flux = solution[0]
            reach = 0.5 * size
            if flux <= 0.0 or solution[1] ** 2 + solution[2] ** 2 > (reach * flux) ** 2:
                # The data do not say where the source is.
                solution[0], solution[1], solution[2] = dp / pp, 0.0, 0.0
            values[n] = solution
            errors[n, 0] = np.sqrt(covariance[0, 0])
            errors[n, 1] = np.sqrt(covariance[1, 1])
            errors[n, 2] = np.sqrt(covariance[2, 2])
        qq = pq = dq = 0.0
        for j in range(j0, j1):
            for i in range(i0, i1):
                p = stamp[j + _MARGIN, i + _MARGIN]
                gx, gy = _slopes(stamp, j + _MARGIN, i + _MARGIN)
                residual[corner_y[n] + j, corner_x[n] + i] -= (
                    (values[n, 0] - old0) * p + (values[n, 1] - old1) * gx + (values[n, 2] - old2) * gy
                )
                if last:
                    w = weight[corner_y[n] + j, corner_x[n] + i]
                    c = _curvature(stamp, j + _MARGIN, i + _MARGIN)
                    qq += w * c * c
                    pq += w * c * p
                    dq += w * c * residual[corner_y[n] + j, corner_x[n] + i]
        if last and pp > 0.0 and qq * pp > pq * pq:
            # The residual holds no more of the PSF itself, so only what the curvature adds beyond it counts.
            information = qq - pq * pq / pp
            errors[n, 3] = dq / information
            errors[n, 4] = 1.0 / np.sqrt(information)

"""Compiled resampling with Lanczos' kernel of order 3, corrected to reproduce polynomials.

The kernel is ``L(d) = sinc(d) sinc(d / 3)`` for ``|d| < 3`` (Duchon 1979, J. Appl. Meteor. 18, 1016), tabulated. To
each set of six weights the window ``sinc(d / 3)`` times a quadratic in d is added, so that constants, slopes and
parabolas are reproduced exactly (conditions of Strang & Fix 1971): otherwise the flux of a star changes by 0.1 %
where the scales differ by 1 %.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels

_PHASES = 4096
_TAPS = 6
_BEFORE = 2
_PHASES_FLOAT = np.float32(_PHASES)
_FAST = {"contract", "reassoc", "nsz"}
_ONE, _TWO, _THREE, _FOUR, _FIVE = (np.uint64(number) for number in range(1, 6))


# Positions are moved by half a step before they are cut into pixel and phase: rounding, so that the identity is exact.
_HALF_PHASE = 0.5 / _PHASES


def _table() -> Pixels:
    phase = np.arange(_PHASES) / _PHASES
    distance = phase[:, None] - np.arange(-_BEFORE, _TAPS - _BEFORE)[None, :]
    weights = np.sinc(distance) * np.sinc(distance / 3.0)
    weights[np.abs(distance) >= 3.0] = 0.0
    window = np.sinc(distance / 3.0) * (np.abs(distance) < 3.0)
    powers = distance[:, None, :] ** np.arange(3)[None, :, None]
    missing = np.array([1.0, 0.0, 0.0]) - np.einsum("nt,npt->np", weights, powers)
    factors = np.linalg.solve(np.einsum("nt,npt,nqt->npq", window, powers, powers), missing[..., None])[
        ..., 0
    ]
    return (weights + window * np.einsum("np,npt->nt", factors, powers)).astype(np.float32)


#: Weights of the pixels -2 to +3 from the pixel before a position, by the fraction beyond that pixel.
WEIGHTS: Pixels = _table()


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def evaluate_row(coefficients, degree, u, v, values):  # type: ignore[no-untyped-def]
    """Evaluate a polynomial at every u of a row of one v, terms in the order of `frames.polynomial.exponents`."""
    in_u = np.zeros(degree + 1)
    number = 0
    v_power = 1.0
    for j in range(degree + 1):
        for i in range(degree + 1 - j):
            in_u[i] += coefficients[number] * v_power
            number += 1
        v_power *= v
    values[:] = in_u[degree]
    for power in range(degree - 1, -1, -1):
        for column in range(len(u)):
            values[column] = values[column] * u[column] + in_u[power]


@numba.njit(cache=True, nogil=True, fastmath=_FAST)
def resample_rows(  # type: ignore[no-untyped-def]
    data, variance, mask, x_terms, y_terms, area_terms, degree, centre, scale, box, first_row, weights,
    out_data, out_variance, out_mask, no_data, edge,
):  # fmt: skip
    """Resample consecutive rows of a target; see `warping.warp_frame`. ``mask`` is spread already."""
    ny, nx = data.shape
    n_rows, n_columns = out_data.shape
    u = (np.arange(n_columns) - centre[0]) / scale[0]
    xs, ys, areas = np.empty(n_columns), np.empty(n_columns), np.empty(n_columns)
    first_column, end_column = max(int(np.ceil(box[0])), 0), min(int(np.floor(box[1])) + 1, n_columns)
    out_data[:] = 0.0
    out_variance[:] = 0.0
    out_mask[:] = no_data
    for row in range(n_rows):
        if not box[2] <= first_row + row <= box[3]:
            continue
        v = (first_row + row - centre[1]) / scale[1]
        evaluate_row(x_terms, degree, u, v, xs)
        evaluate_row(y_terms, degree, u, v, ys)
        evaluate_row(area_terms, degree, u, v, areas)
        for column in range(first_column, end_column):
            x, y = xs[column] + _HALF_PHASE, ys[column] + _HALF_PHASE
            if not (0.0 <= x <= nx - 1 + 2 * _HALF_PHASE and 0.0 <= y <= ny - 1 + 2 * _HALF_PHASE):
                continue
            ix, iy = int(x), int(y)
            x_phase, y_phase = int((x - ix) * _PHASES), int((y - iy) * _PHASES)
            total = np.float32(0.0)
            flags = mask[iy, ix]
            if 2 <= ix < nx - 3 and 2 <= iy < ny - 3:
                # Scalars and unsigned indices spare the counting of views and the test for negative indices.
                w0, w1, w2 = weights[x_phase, 0], weights[x_phase, 1], weights[x_phase, 2]
                w3, w4, w5 = weights[x_phase, 3], weights[x_phase, 4], weights[x_phase, 5]
                left, top = np.uint64(ix - 2), np.uint64(iy - 2)
                for j in range(_TAPS):
                    at = top + np.uint64(j)
                    total += weights[y_phase, j] * (
                        w0 * data[at, left]
                        + w1 * data[at, left + _ONE]
                        + w2 * data[at, left + _TWO]
                        + w3 * data[at, left + _THREE]
                        + w4 * data[at, left + _FOUR]
                        + w5 * data[at, left + _FIVE]
                    )
            else:
                flags |= edge
                for j in range(_TAPS):
                    jy = min(max(iy - 2 + j, 0), ny - 1)
                    for i in range(_TAPS):
                        jx = min(max(ix - 2 + i, 0), nx - 1)
                        total += weights[y_phase, j] * weights[x_phase, i] * data[jy, jx]
            fx, fy = np.float32(x_phase) / _PHASES_FLOAT, np.float32(y_phase) / _PHASES_FLOAT
            low, left = np.uint64(iy), np.uint64(ix)
            high, right = np.uint64(min(iy + 1, ny - 1)), np.uint64(min(ix + 1, nx - 1))
            below = variance[low, left] + fx * (variance[low, right] - variance[low, left])
            above = variance[high, left] + fx * (variance[high, right] - variance[high, left])
            factor = np.float32(areas[column])
            out_data[row, column] = total * factor
            out_variance[row, column] = (below + fy * (above - below)) * factor * factor
            out_mask[row, column] = flags


@numba.njit(cache=True, nogil=True)
def spread_mask(mask):  # type: ignore[no-untyped-def]
    """Collect at each pixel the planes of the pixels -1 to +2 along both axes: those whose weights matter."""
    ny, nx = mask.shape
    spread = np.zeros_like(mask)
    for y in range(ny):
        for x in range(nx):
            planes = mask[y, x]
            if planes:
                for j in range(max(y - 2, 0), min(y + 2, ny)):
                    for i in range(max(x - 2, 0), min(x + 2, nx)):
                        spread[j, i] |= planes
    return spread


@numba.njit(cache=True, nogil=True)
def fill_holes(values, bad, filled):  # type: ignore[no-untyped-def]
    """Write into ``filled`` at bad pixels the mean of the good ones up to 3 pixels away, weighted by 1/distance^2."""
    ny, nx = values.shape
    for y in range(ny):
        for x in range(nx):
            if not bad[y, x]:
                continue
            total, weight = 0.0, 0.0
            for j in range(max(y - 3, 0), min(y + 4, ny)):
                for i in range(max(x - 3, 0), min(x + 4, nx)):
                    if not bad[j, i]:
                        w = 1.0 / ((j - y) ** 2 + (i - x) ** 2)
                        total += w * values[j, i]
                        weight += w
            filled[y, x] = total / weight if weight > 0.0 else 0.0


@numba.njit(cache=True, nogil=True)
def resample_stamp(stamp, x_zero, y_zero, jacobian, half, weights, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (2 half + 1 squared) a stamp resampled by a linear map; (x_zero, y_zero) goes to its middle."""
    side = stamp.shape[0]
    for row in range(-half, half + 1):
        for column in range(-half, half + 1):
            x = x_zero + jacobian[0, 0] * column + jacobian[0, 1] * row + _HALF_PHASE
            y = y_zero + jacobian[1, 0] * column + jacobian[1, 1] * row + _HALF_PHASE
            ix, iy = int(np.floor(x)), int(np.floor(y))
            x_phase, y_phase = int((x - ix) * _PHASES), int((y - iy) * _PHASES)
            total = 0.0
            for j in range(max(iy - 2, 0), min(iy + 4, side)):
                for i in range(max(ix - 2, 0), min(ix + 4, side)):
                    total += weights[y_phase, j - iy + 2] * weights[x_phase, i - ix + 2] * stamp[j, i]
            out[row + half, column + half] += total


def holes_filled(values: Pixels, bad: NDArray[np.bool_]) -> Pixels:
    """Return a copy whose bad pixels near good ones hold plausible values, so that they do not ring."""
    filled = values.copy()
    fill_holes(values, bad, filled)
    return filled


def area_terms(terms: Floats, areas: Floats) -> Floats:
    """Fit the polynomial of the pixel area to its values at positions whose polynomial terms are given."""
    return np.asarray(np.linalg.lstsq(terms, areas, rcond=None)[0], np.float64)

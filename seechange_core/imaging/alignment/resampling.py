"""Compiled resampling of an image's spline, its variance and its mask along polynomial maps."""

from __future__ import annotations

import numba
import numpy as np

from seechange_core.imaging.alignment.spline import BEFORE, CHUNK, TAPS, spline_weights

#: Rounding must not put a position into the pixel before the one that it falls on.
_TINY = 1e-4
#: Sums over shorter runs of neighbours are not worth the preparation.
_SHORT_RUN = 6
_FAST = {"contract", "reassoc", "nsz"}
_ZERO, _HALF = np.float32(0.0), np.float32(0.5)
#: Pixels this many sigma above zero are asked for the error of interpolation.
_SIGNIFICANT_SQUARED = np.float32(25.0)
#: Error per sixth difference, as undersampled stars (FWHM 1.6 to 2.1 pixels) measure it.
_ERROR_SQUARED = (0.09 / 64.0) ** 2
#: Variance of such a difference in white noise, times four: what is below two sigma is taken for noise.
_NOISE_OF_DIFFERENCE = 4.0 * 33729.5
# Zeros around it, so that it can be moved by a pixel.
_SIXTH_DIFFERENCE = np.array([0.0, 1.0, -6.0, 15.0, -20.0, 15.0, -6.0, 1.0, 0.0])
#: Values of the quintic B-spline at the pixels: from coefficients back to the image.
_AT_PIXELS = np.array([1.0, 26.0, 66.0, 26.0, 1.0]) / 120.0


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def _evaluate_row(coefficients, degree, u, v, values):  # type: ignore[no-untyped-def]
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


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def _resample(  # type: ignore[no-untyped-def]
    coefficients, variance, mask, x, y, factor, x_weights, y_weights, out_data, out_variance, out_mask, edge,
    interpolation_error,
):  # fmt: skip
    """Resample at positions x, y that lie side by side in the target."""
    ny, nx = coefficients.shape
    n = len(x)
    column, row = np.empty(n, np.int64), np.empty(n, np.int64)
    right, up = np.empty(n, np.float32), np.empty(n, np.float32)
    for k in range(n):
        column[k], row[k] = int(np.floor(x[k] + _TINY)), int(np.floor(y[k] + _TINY))
        right[k], up[k] = x[k] - column[k], y[k] - row[k]
    spline_weights(right, x_weights)
    spline_weights(up, y_weights)
    k = 0
    while k < n:
        left, low = column[k], row[k]
        if not (0 <= left < nx and 0 <= low < ny and x[k] <= nx - 1 + _TINY and y[k] <= ny - 1 + _TINY):
            k += 1
            continue
        end = k + 1
        whole = 2 <= left < nx - 3 and 2 <= low < ny - 3
        if whole:
            last = min(n, k + nx - 3 - left)
            while end < last and row[end] == low and column[end] - end == left - k:
                end += 1
        if end - k < _SHORT_RUN:
            end = k + 1
            out_data[k] = _value(coefficients, left, low, x_weights[k:], y_weights[k:], whole)
            out_variance[k] = _between(variance, left, low, right[k], up[k])
            out_mask[k] = mask[low, left] if whole else mask[low, left] | edge
        else:
            _resample_run(
                coefficients, variance, low, left, x_weights[k:], y_weights[k:], right[k:end], up[k:end],
                out_data[k:end], out_variance[k:end],
            )  # fmt: skip
            out_mask[k:end] = mask[low, left : left + end - k]
        k = end
    for k in range(n):
        scale = np.float32(factor[k])
        if interpolation_error and out_data[k] * out_data[k] > _SIGNIFICANT_SQUARED * out_variance[k]:
            out_variance[k] += _interpolation_variance(
                coefficients, column[k], row[k], right[k], up[k], out_variance[k]
            )
        out_data[k] *= scale
        out_variance[k] *= scale * scale


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def _resample_run(  # type: ignore[no-untyped-def]
    coefficients, variance, low, left, x_weights, y_weights, right, up, out_data, out_variance
):
    """Resample neighbours in the target that are neighbours in the source; written to be vectorised."""
    n = len(out_data)
    for j in range(TAPS):
        line = coefficients[low - BEFORE + j, left - BEFORE : left + n + 3]
        weights = y_weights[j * CHUNK : j * CHUNK + n]
        for i in range(n):
            out_data[i] += weights[i] * (
                x_weights[i] * line[i]
                + x_weights[CHUNK + i] * line[i + 1]
                + x_weights[2 * CHUNK + i] * line[i + 2]
                + x_weights[3 * CHUNK + i] * line[i + 3]
                + x_weights[4 * CHUNK + i] * line[i + 4]
                + x_weights[5 * CHUNK + i] * line[i + 5]
            )
    below, above = variance[low, left : left + n + 1], variance[low + 1, left : left + n + 1]
    for i in range(n):
        near = below[i] + right[i] * (below[i + 1] - below[i])
        far = above[i] + right[i] * (above[i + 1] - above[i])
        out_variance[i] = near + up[i] * (far - near)


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def _value(coefficients, left, low, x_weights, y_weights, whole):  # type: ignore[no-untyped-def]
    """Evaluate the spline at one position; near the edges the image goes on as in a mirror."""
    ny, nx = coefficients.shape
    total = _ZERO
    for j in range(TAPS):
        line = low - BEFORE + j if whole else _mirrored(low - BEFORE + j, ny)
        along = _ZERO
        for i in range(TAPS):
            place = left - BEFORE + i if whole else _mirrored(left - BEFORE + i, nx)
            along += x_weights[i * CHUNK] * coefficients[np.uint64(line), np.uint64(place)]
        total += y_weights[j * CHUNK] * along
    return total


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def _between(variance, left, low, right, up):  # type: ignore[no-untyped-def]
    ny, nx = variance.shape
    beside, above = min(left + 1, nx - 1), min(low + 1, ny - 1)
    near = variance[low, left] + right * (variance[low, beside] - variance[low, left])
    far = variance[above, left] + right * (variance[above, beside] - variance[above, left])
    return near + up * (far - near)


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def _mirrored(index, length):  # type: ignore[no-untyped-def]
    index = abs(index)
    return index if index < length else 2 * length - 2 - index


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def _interpolation_variance(coefficients, column, row, right, up, variance):  # type: ignore[no-untyped-def]
    """Square the error of the spline of an undersampled image at a position.

    Along each axis the jumps of the spline's fifth derivative at the two pixels beside the position, the sixth
    differences of the coefficients of the lines along that axis, tell how much the image has that pixels cannot hold,
    less what noise makes of them. The error vanishes on the pixels and is largest half-way between.
    """
    ny, nx = coefficients.shape
    if not (3 <= column < nx - 4 and 3 <= row < ny - 4):
        return _ZERO
    near_column, near_row = column + int(right > _HALF), row + int(up > _HALF)
    noise = _NOISE_OF_DIFFERENCE * variance
    jumps = np.zeros((2, 2))
    for i in range(8):
        along_x, along_y = 0.0, 0.0
        for j in range(5):
            along_x += _AT_PIXELS[j] * coefficients[near_row + j - 2, column + i - 3]
            along_y += _AT_PIXELS[j] * coefficients[row + i - 3, near_column + j - 2]
        for pixel in range(2):
            weight = _SIXTH_DIFFERENCE[i + 1 - pixel]
            jumps[0, pixel] += weight * along_x
            jumps[1, pixel] += weight * along_y
    of_x = max(jumps[0, 0] ** 2 - noise, 0.0) + max(jumps[0, 1] ** 2 - noise, 0.0)
    of_y = max(jumps[1, 0] ** 2 - noise, 0.0) + max(jumps[1, 1] ** 2 - noise, 0.0)
    of_x *= np.sin(np.pi * right) ** 2
    of_y *= np.sin(np.pi * up) ** 2
    return np.float32(0.5 * _ERROR_SQUARED * (of_x + of_y))


@numba.njit(cache=True, nogil=True)
def resample_rows(  # type: ignore[no-untyped-def]
    coefficients, variance, mask, x_terms, y_terms, degree, factor_terms, factor_degree, centre, scale, box,
    first_row, out_data, out_variance, out_mask, edge, interpolation_error,
):  # fmt: skip
    """Resample consecutive rows of a target; see `warping.warp_rows`.

    ``mask`` is spread already; what the source does not reach is left as it is.
    """
    n_rows, n_columns = out_data.shape
    u = (np.arange(n_columns) - centre[0]) / scale[0]
    first_column, end_column = max(int(np.ceil(box[0])), 0), min(int(np.floor(box[1])) + 1, n_columns)
    x, y, factor = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    x_weights, y_weights = np.empty(TAPS * CHUNK, np.float32), np.empty(TAPS * CHUNK, np.float32)
    for row in range(n_rows):
        if not box[2] <= first_row + row <= box[3]:
            continue
        v = (first_row + row - centre[1]) / scale[1]
        for first in range(first_column, end_column, CHUNK):
            end = min(first + CHUNK, end_column)
            part = u[first:end]
            _evaluate_row(x_terms, degree, part, v, x)
            _evaluate_row(y_terms, degree, part, v, y)
            _evaluate_row(factor_terms, factor_degree, part, v, factor)
            _resample(
                coefficients, variance, mask, x[: end - first], y[: end - first], factor, x_weights,
                y_weights, out_data[row, first:end], out_variance[row, first:end], out_mask[row, first:end],
                edge, interpolation_error,
            )  # fmt: skip

"""The quintic B-spline through the pixels of an image.

Its kernel has 6 by 6 pixels. Where stars are 4.5 pixels wide, the rms error within their cores is 0.01 % of the peak,
against 0.26 % with Lanczos' kernel of the same size; its price is a recursive filter over the image. Undersampled
images it follows as well as Lanczos' kernel does.

Unser, Aldroubi & Eden (1993), IEEE Trans. Signal Processing 41, 834.
"""

from __future__ import annotations

import numba
import numpy as np

from seechange_core.frames import Pixels

#: Coefficients that have weight at a position, and how many of them come before the pixel before it.
TAPS, BEFORE = 6, 2
#: Positions whose weights are computed at once.
CHUNK = 256
# The roots of 1 + 26 z + 66 z^2 + 26 z^3 + z^4 within the unit circle, and the gain of the filter along one axis.
_ROOTS = np.array([-0.430575347099973, -0.0430962882032647])
_POLES: Pixels = _ROOTS.astype(np.float32)
_GAIN = float(np.prod((1.0 - _ROOTS) * (1.0 - 1.0 / _ROOTS)))
_LINES = 16
#: Further powers of the poles are below single precision.
_HORIZON = 20
_ONE = np.float32(1.0)
_C1, _C5, _C10, _C20, _C26, _C50 = (np.float32(number / 120.0) for number in (1, 5, 10, 20, 26, 50))
_FAST = {"contract", "reassoc", "nsz"}


def spline_coefficients(values: Pixels, out: Pixels | None = None) -> Pixels:
    """Return the coefficients of the spline; beyond its edges an image goes on as in a mirror.

    Parameters
    ----------
    values : array of shape (ny, nx), float32
        Finite; at least 2 by 2.
    out : array of shape (ny, nx), float32, optional
        To be filled and returned; may be `values` itself.

    Returns
    -------
    array of shape (ny, nx), float32
    """
    coefficients = np.empty(values.shape, np.float32) if out is None else out
    _filter(values, _POLES, np.float32(_GAIN**2), coefficients)
    return coefficients


@numba.njit(cache=True, nogil=True, fastmath=_FAST)
def _filter(values, poles, gain, out):  # type: ignore[no-untyped-def]
    ny, nx = values.shape
    lines = np.empty((nx, _LINES), np.float32)
    for first in range(0, ny, _LINES):
        n_lines = min(_LINES, ny - first)
        for line in range(n_lines):
            for x in range(nx):
                lines[x, line] = values[first + line, x] * gain
        _filter_lines(lines[:, :n_lines], poles)
        for line in range(n_lines):
            for x in range(nx):
                out[first + line, x] = lines[x, line]
    _filter_lines(out, poles)


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def _filter_lines(lines, poles):  # type: ignore[no-untyped-def]
    """Filter along the first axis, in place, all lines side by side; eqs. 2.5 and 2.6 of the paper, for each pole."""
    length, n_lines = lines.shape
    start = np.empty(n_lines, np.float32)
    for pole in poles:
        power = _ONE
        start[:] = 0.0
        for k in range(min(_HORIZON, length)):
            for line in range(n_lines):
                start[line] += power * lines[k, line]
            power *= pole
        for line in range(n_lines):
            lines[0, line] = start[line]
        for k in range(1, length):
            for line in range(n_lines):
                lines[k, line] += pole * lines[k - 1, line]
        last = pole / (pole * pole - _ONE)
        for line in range(n_lines):
            lines[length - 1, line] = last * (lines[length - 1, line] + pole * lines[length - 2, line])
        for k in range(length - 2, -1, -1):
            for line in range(n_lines):
                lines[k, line] = pole * (lines[k + 1, line] - lines[k, line])


@numba.njit(cache=True, nogil=True, fastmath=_FAST, forceinline=True)
def spline_weights(fractions, weights):  # type: ignore[no-untyped-def]
    """Write the weights of n positions by how far they lie beyond the pixel before them.

    ``weights`` is flat: from ``i * CHUNK`` on those of the pixel i - 2, for i from 0 to 5.
    """
    for k in range(len(fractions)):
        t = fractions[k]
        s = _ONE - t
        s2, t2 = s * s, t * t
        weights[k] = _C1 * s2 * s2 * s
        weights[CHUNK + k] = _C1 + s * (_C5 + s * (_C10 + s * (_C10 + s * (_C5 - _C5 * s))))
        weights[2 * CHUNK + k] = _C26 + s * (_C50 + s * (_C20 - s * (_C20 + s * (_C20 - _C10 * s))))
        weights[3 * CHUNK + k] = _C26 + t * (_C50 + t * (_C20 - t * (_C20 + t * (_C20 - _C10 * t))))
        weights[4 * CHUNK + k] = _C1 + t * (_C5 + t * (_C10 + t * (_C10 + t * (_C5 - _C5 * t))))
        weights[5 * CHUNK + k] = _C1 * t2 * t2 * t

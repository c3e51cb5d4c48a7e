"""Drawing a PSF at many positions, fast and in single precision."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels, PsfModel
from seechange_core.frames.polynomial import design_matrix

# Samples to either side that a kernel of 16 reaches, whatever the phase.
_REACH = 8


def rendered(psf: PsfModel, x: Floats, y: Floats, size: int) -> Pixels:
    """Return what `PsfModel.stamps` does, in single precision; shape (n, size, size)."""
    n_samples = psf.coefficients.shape[-1]
    if psf.sampling != 1.0 or n_samples <= 2 * _REACH:
        return psf.stamps(x, y, size).astype(np.float32)
    u, v = (np.asarray(x) - psf.x_zero) / psf.x_scale, (np.asarray(y) - psf.y_zero) / psf.y_scale
    terms = design_matrix(u, v, psf.degree).astype(np.float32)
    coefficients = psf.coefficients.reshape(terms.shape[1], n_samples, n_samples)
    return _rendered(coefficients, terms, _taps(psf, x), _taps(psf, y), size)


def moved_back(psf: PsfModel, x: Floats, y: Floats, stamps: Pixels) -> Pixels:
    """Move stamps that were cut around positions by their subpixel phases, so that these are in the middle."""
    return _moved(stamps, _taps(psf, x, -1.0), _taps(psf, y, -1.0))


def _taps(psf: PsfModel, position: Floats, sign: float = 1.0) -> Pixels:
    """Weights of the samples around the middle one; shape (n, 17)."""
    phase = sign * (position - np.floor(position + 0.5))
    middle = psf.coefficients.shape[-1] // 2
    weights = psf.resampling(phase, 1)[:, 0, middle - _REACH : middle + _REACH + 1]
    return np.ascontiguousarray(weights, np.float32)


@njit(cache=True, fastmath=True)
def _rendered(
    coefficients: NDArray[np.float32],
    terms: NDArray[np.float32],
    taps_x: NDArray[np.float32],
    taps_y: NDArray[np.float32],
    size: int,
) -> NDArray[np.float32]:
    n_terms, n_samples, _ = coefficients.shape
    stamps = np.empty((len(terms), size, size), np.float32)
    wide = size + 2 * _REACH
    # Only samples that a pixel of the stamp is interpolated from; around them, if anything, there is no light.
    side = min(n_samples, wide)
    cut, rim = (n_samples - side) // 2, (wide - side) // 2
    used = np.ascontiguousarray(coefficients[:, cut : cut + side, cut : cut + side])
    samples = np.zeros((wide, wide), np.float32)
    for n in range(len(terms)):
        for j in range(side):
            row = samples[rim + j, rim : rim + side]
            for i in range(side):
                row[i] = terms[n, 0] * used[0, j, i]
            for t in range(1, n_terms - 1, 2):
                one, other = terms[n, t], terms[n, t + 1]
                for i in range(side):
                    row[i] += one * used[t, j, i] + other * used[t + 1, j, i]
            if n_terms % 2 == 0:
                one = terms[n, n_terms - 1]
                for i in range(side):
                    row[i] += one * used[n_terms - 1, j, i]
        _convolve(samples, taps_x[n], taps_y[n], stamps[n])
    return stamps


@njit(cache=True, fastmath=True)
def _moved(
    stamps: NDArray[np.float32], taps_x: NDArray[np.float32], taps_y: NDArray[np.float32]
) -> NDArray[np.float32]:
    result = np.empty_like(stamps)
    size = stamps.shape[1]
    samples = np.zeros((size + 2 * _REACH, size + 2 * _REACH), np.float32)
    for n in range(len(stamps)):
        samples[_REACH : _REACH + size, _REACH : _REACH + size] = stamps[n]
        _convolve(samples, taps_x[n], taps_y[n], result[n])
    return result


@njit(cache=True, fastmath=True, forceinline=True)
def _convolve(
    samples: NDArray[np.float32],
    taps_x: NDArray[np.float32],
    taps_y: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write the samples under a separable kernel of 17 taps to `out`, whose sides are shorter by 16."""
    wide, size = samples.shape[0], out.shape[0]
    line = np.empty(wide, np.float32)
    for j in range(size):
        # Four rows at a time: fewer passes over the line.
        for i in range(wide):
            line[i] = taps_y[16] * samples[j + 16, i]
        for k in range(0, 16, 4):
            t0, t1, t2, t3 = taps_y[k], taps_y[k + 1], taps_y[k + 2], taps_y[k + 3]
            r0, r1, r2, r3 = samples[j + k], samples[j + k + 1], samples[j + k + 2], samples[j + k + 3]
            for i in range(wide):
                line[i] += t0 * r0[i] + t1 * r1[i] + t2 * r2[i] + t3 * r3[i]
        row = out[j]
        for i in range(size):
            row[i] = taps_x[16] * line[i + 16]
        for k in range(0, 16, 4):
            t0, t1, t2, t3 = taps_x[k], taps_x[k + 1], taps_x[k + 2], taps_x[k + 3]
            r0, r1, r2, r3 = line[k:], line[k + 1 :], line[k + 2 :], line[k + 3 :]
            for i in range(size):
                row[i] += t0 * r0[i] + t1 * r1[i] + t2 * r2[i] + t3 * r3[i]

"""Transforms of small kernels on large grids, and sums and products of transforms, each in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.fft import fft, rfft

from seechange_core.frames import Pixels

Spectrum = NDArray[np.complex64]

_TINY = np.float32(np.finfo(np.float32).tiny)


def kernel_spectrum(kernel: Pixels, shape: tuple[int, int]) -> Spectrum:
    """Return the real FFT of a kernel on a larger grid.

    Parameters
    ----------
    kernel : array of shape (size_y, size_x)
        Its centre is pixel ``size // 2`` of each axis; no larger than the grid.
    shape : tuple of int
        Rows and columns of the grid; the kernel is centred on its pixel (0, 0) and wraps around.

    Returns
    -------
    array of shape (ny, nx // 2 + 1), complex64
    """
    rows, columns = kernel.shape
    padded = np.zeros((rows, shape[1]), np.float32)
    padded[:, : columns - columns // 2] = kernel[:, columns // 2 :]
    padded[:, shape[1] - columns // 2 :] = kernel[:, : columns // 2]
    spectrum = np.zeros((shape[0], shape[1] // 2 + 1), np.complex64)
    # Rows without anything need no transform.
    along_rows = rfft(padded, axis=1)
    spectrum[: rows - rows // 2] = along_rows[rows // 2 :]
    spectrum[shape[0] - rows // 2 :] = along_rows[: rows // 2]
    transformed: Spectrum = fft(spectrum, axis=0, overwrite_x=True)
    return transformed


@njit(cache=True, error_model="numpy")
def matched_filter(
    new: Spectrum, ref: Spectrum, psf: Spectrum, new_variance: np.float32, ref_variance: np.float32
) -> Spectrum:
    """Return the best filter for a point source: ``conj(psf) / (|new|^2 V_n + |ref|^2 V_r)``."""
    ny, nx = new.shape
    matched = np.empty((ny, nx), np.complex64)
    for y in range(ny):
        for x in range(nx):
            a, b = new[y, x], ref[y, x]
            power = new_variance * (a.real * a.real + a.imag * a.imag)
            power += ref_variance * (b.real * b.real + b.imag * b.imag)
            factor = np.float32(1.0) / max(power, _TINY)
            matched[y, x] = complex(psf[y, x].real * factor, -psf[y, x].imag * factor)
    return matched


@njit(cache=True)
def subtracted(
    new: Spectrum, new_filter: Spectrum, gone: Spectrum, matched: Spectrum
) -> tuple[Spectrum, Spectrum, Spectrum]:
    """Return the difference, the matched difference, and the matched light of the reference.

    ``gone`` is the filtered reference: ``d = new_filter * new - gone``, ``matched * d`` and ``matched * gone``.
    """
    ny, nx = new.shape
    difference = np.empty((ny, nx), np.complex64)
    score = np.empty((ny, nx), np.complex64)
    light = np.empty((ny, nx), np.complex64)
    for y in range(ny):
        for x in range(nx):
            left = new_filter[y, x] * new[y, x] - gone[y, x]
            difference[y, x] = left
            score[y, x] = matched[y, x] * left
            light[y, x] = matched[y, x] * gone[y, x]
    return difference, score, light


@njit(cache=True, error_model="numpy")
def ratio(a: Spectrum, b: Spectrum) -> Spectrum:
    """Return ``a / b``, and 0 where b is nothing."""
    ny, nx = a.shape
    quotient = np.empty((ny, nx), np.complex64)
    for y in range(ny):
        for x in range(nx):
            power = b[y, x].real * b[y, x].real + b[y, x].imag * b[y, x].imag
            quotient[y, x] = a[y, x] * b[y, x].conjugate() / max(power, _TINY)
    return quotient


@njit(cache=True)
def sum_of_products(a: Spectrum, b: Spectrum, c: Spectrum, d: Spectrum) -> Spectrum:
    """Return ``a * b + c * d``."""
    ny, nx = a.shape
    total = np.empty((ny, nx), np.complex64)
    for y in range(ny):
        for x in range(nx):
            total[y, x] = a[y, x] * b[y, x] + c[y, x] * d[y, x]
    return total

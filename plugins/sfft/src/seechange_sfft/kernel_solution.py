"""The normal equations of a kernel that is free in every pixel and varies over the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve

from seechange_core.frames import Floats, Pixels
from seechange_core.frames.polynomial import design_matrix
from seechange_sfft.correlations import WindowCorrelations
from seechange_sfft.kernel_pixels import KernelPixels

# Of the diagonal; far below what noise adds to it, and above the rounding of the sums.
_RIDGE = 1e-11


@dataclass(frozen=True)
class DeltaKernel:
    """A kernel whose pixels are polynomials of position.

    Parameters
    ----------
    offsets : array of shape (n, 2), int
        Row and column of each pixel, relative to the kernel's middle.
    coefficients : array of shape (n_terms, n)
        Of each pixel.
    level : array of shape (n_terms,)
        Of the background under the sources (electron).
    degree : int
        Of the polynomials.
    shape : tuple of int
        Rows and columns of the image.
    """

    offsets: NDArray[np.intp]
    coefficients: Floats
    level: Floats
    degree: int
    shape: tuple[int, int]

    @property
    def half(self) -> int:
        """Pixels on each side of the kernel's middle."""
        return int(self.offsets.max())

    @property
    def flux_scale(self) -> float:
        """Sum of the kernel in the middle of the image."""
        return float(self.coefficients[0].sum())

    def kernel(self, x: float, y: float) -> Pixels:
        """Return the kernel at a position (pixel), shape (2 half + 1, 2 half + 1), float32."""
        side = 2 * self.half + 1
        kernel = np.zeros((side, side), np.float32)
        row, column = (self.offsets + self.half).T
        kernel[row, column] = self._terms(x, y) @ self.coefficients
        return kernel

    def background(self, x: float, y: float) -> float:
        """Return the background under the sources at a position (electron)."""
        return float(self._terms(x, y) @ self.level)

    def _terms(self, x: float, y: float) -> Floats:
        terms: Floats = spatial_terms(x, y, self.degree, self.shape)[0]
        return terms


def spatial_terms(x: ArrayLike, y: ArrayLike, degree: int, shape: tuple[int, int]) -> Floats:
    """Return the polynomial terms of the kernel's variation at positions (pixel), shape (n, n_terms)."""
    u, v = ((2 * np.asarray(at, np.float64) + 1) / n - 1 for at, n in ((x, shape[1]), (y, shape[0])))
    return design_matrix(u, v, degree)


def solve_kernel(
    sums: WindowCorrelations,
    basis: KernelPixels,
    degree: int,
    shape: tuple[int, int],
    *,
    constant_flux_ratio: bool,
) -> DeltaKernel:
    """Solve for all pixels of the kernel and their variation at once.

    Parameters
    ----------
    sums : WindowCorrelations
        Of the windows.
    basis : KernelPixels
        Pixels of the kernel, those of its wings in groups.
    degree : int
        Of the kernel's variation.
    shape : tuple of int
        Rows and columns of the image.
    constant_flux_ratio : bool
        Whether the sum of the kernel is the same everywhere.

    Notes
    -----
    Hu et al. (2022), ApJ 936, 157. The matrix for two terms of the variation depends on the difference of
    two kernel pixels only: it is the correlation of the masked image with itself at that lag, weighted with both terms.
    What is expected of the kernel beforehand adds to its diagonal, as in Becker et al. (2012), MNRAS 425, 1341.
    """
    offsets, half = basis.offsets, sums.half
    terms = spatial_terms(sums.x, sums.y, degree, shape)
    n_terms, m = terms.shape[1], basis.n_groups + 1
    lag = offsets[None, :] - offsets[:, None] + 2 * half
    row, column = (offsets + half).T
    matrix = np.empty((n_terms, m, n_terms, m))
    vector = np.empty((n_terms, m))
    for p in range(n_terms):
        vector[p, :-1] = basis.summed(np.tensordot(terms[:, p], sums.target, 1)[row, column])
        vector[p, -1] = terms[:, p] @ sums.level_target
        for q in range(p + 1):
            both = terms[:, p] * terms[:, q]
            image = np.tensordot(both, sums.image, 1)
            image = (image + image[::-1, ::-1]) / 2
            level = basis.summed(np.tensordot(both, sums.level, 1)[row, column])
            block = np.empty((m, m))
            block[:-1, :-1] = basis.summed(basis.summed(image[lag[..., 0], lag[..., 1]]).T)
            block[:-1, -1] = block[-1, :-1] = level
            block[-1, -1] = both @ sums.level_square
            matrix[p, :, q] = matrix[q, :, p] = block
    values = np.arange(m - 1)
    for p in range(n_terms):
        matrix[p, values, p, values] += basis.expected_error(varying=p > 0) ** -2
    # Without any information the kernel leaves the image as it is.
    vector[0, basis.middle] += basis.expected_error(varying=False)[basis.middle] ** -2
    solution = _solved(matrix, vector, basis, constant_flux_ratio)
    return DeltaKernel(offsets, solution[:, basis.group], solution[:, -1], degree, shape)


def _solved(matrix: Floats, vector: Floats, basis: KernelPixels, constant_flux_ratio: bool) -> Floats:
    """Solve, with the middle pixel of each varying term giving back what the others take if the sum is constant."""
    n_terms, m = vector.shape
    middle = basis.middle
    free = np.ones((n_terms, m), bool)
    if constant_flux_ratio:
        matrix[1:, :-1] -= basis.sizes[:, None, None] * matrix[1:, middle : middle + 1]
        vector[1:, :-1] -= basis.sizes * vector[1:, middle : middle + 1]
        matrix[:, :, 1:, :-1] -= basis.sizes * matrix[:, :, 1:, middle : middle + 1]
        free[1:, middle] = False
    chosen = free.ravel()
    square = matrix.reshape(n_terms * m, n_terms * m)[np.ix_(chosen, chosen)]
    scale = 1 / np.sqrt(np.maximum(np.diag(square), np.finfo(float).tiny))
    square *= scale[:, None]
    square *= scale
    square[np.diag_indices_from(square)] += _RIDGE
    solution = np.zeros(n_terms * m)
    solution[chosen] = scale * cho_solve(cho_factor(square, overwrite_a=True), scale * vector.ravel()[chosen])
    solution = solution.reshape(n_terms, m)
    if constant_flux_ratio:
        solution[1:, middle] -= solution[1:, :-1] @ basis.sizes
    return solution

"""The least-squares fit of a kernel that varies over the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seechange_alardlupton.kernel_basis import KernelBasis
from seechange_alardlupton.stamp_sums import StampSums
from seechange_core.frames import Floats
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.robust import scatter

_CLIPPING_ROUNDS = 4
_CLIP_SIGMA = 4.0
_LEAST_RATIO_SCATTER = 0.01
_BRIGHT_QUANTILE = 0.75


@dataclass(frozen=True)
class KernelModel:
    """A kernel that varies over the image.

    Parameters
    ----------
    basis : KernelBasis
        Functions of the kernel.
    coefficients : array of shape (n_basis + 1, n_terms)
        Polynomial of position for each function and, last, for the background of the stamps (electron), which takes up
        the wings of what lies outside them.
    degree : int
        Of the polynomials.
    shape : tuple of int
        Rows and columns of the image.
    kept : bool array of shape (n_stamps,)
        Stamps that were not clipped.
    chi2 : float
        Median over the kept stamps of chi-square per pixel.
    """

    basis: KernelBasis
    coefficients: Floats
    degree: int
    shape: tuple[int, int]
    kept: NDArray[np.bool_]
    chi2: float

    @property
    def flux_scale(self) -> float:
        """Sum of the kernel, the same everywhere."""
        return float(self.coefficients[0, 0])

    def kernel(self, x: float, y: float) -> Floats:
        """Return the kernel at a position (pixel), shape (2 half + 1, 2 half + 1)."""
        return self.basis.image(self.coefficients[:-1] @ spatial_terms(x, y, self.degree, self.shape)[0])


def spatial_terms(x: ArrayLike, y: ArrayLike, degree: int, shape: tuple[int, int]) -> Floats:
    """Return the polynomial terms of the kernel's variation at positions (pixel), shape (n, n_terms)."""
    return design_matrix(_normal(x, shape[1]), _normal(y, shape[0]), degree)


def fit_kernel(
    sums: StampSums, x: ArrayLike, y: ArrayLike, basis: KernelBasis, degree: int, shape: tuple[int, int]
) -> KernelModel:
    """Solve for the kernel, leaving out stamps that do not fit.

    First those whose flux ratio is not that of the others, so that a bright variable star cannot pull the kernel to
    itself; then, round by round, those whose chi-square is far above what the others let expect. What is left of a
    source grows with its light where no kernel of this basis is quite right, as with undersampled images, so bright
    stamps are neither left out for that, nor do they decide alone.

    Notes
    -----
    Alard (2000), A&AS 144, 363: the normal matrix of the whole image is a sum over stamps of Kronecker products.
    """
    terms = spatial_terms(x, y, degree, shape)
    light = sums.square / sums.n_pixels
    weight = np.ones(len(terms))
    kept = _of_common_flux_ratio(sums)
    for turn in range(_CLIPPING_ROUNDS):
        coefficients = _solution(sums, terms, weight * kept, np.append(basis.varies, True))
        chi2 = sums.chi2(terms @ coefficients.T)
        expected = _expected_chi2(chi2, light, kept)
        pull = chi2 / expected
        least = np.sqrt(2 / np.median(sums.n_pixels))
        still = kept & (pull < np.median(pull[kept]) + _CLIP_SIGMA * max(scatter(pull[kept]), least))
        weight = expected.min() / expected
        if turn and np.array_equal(still, kept):
            break
        kept = still
    return KernelModel(basis, coefficients, degree, shape, kept, float(np.median(chi2[kept])))


def _solution(sums: StampSums, terms: Floats, weight: Floats, varies: NDArray[np.bool_]) -> Floats:
    """Return the coefficients that fit best, shape (m, n_terms); which of the m vary with position is given."""
    m, n_terms = sums.vector.shape[1], terms.shape[1]
    products = np.einsum("s,sp,sq->spq", weight, terms, terms)
    matrix = np.einsum("sij,spq->ipjq", sums.matrix, products, optimize=True).reshape(m * n_terms, -1)
    vector = np.einsum("s,si,sp->ip", weight, sums.vector, terms).ravel()
    free = np.repeat(varies, n_terms)
    free[::n_terms] = True
    solution = np.zeros(m * n_terms)
    solution[free] = _solved(matrix[np.ix_(free, free)], vector[free])
    return solution.reshape(m, n_terms)


def _expected_chi2(chi2: Floats, light: Floats, kept: NDArray[np.bool_]) -> Floats:
    """Return what chi-square per pixel grows to with the light of a stamp: a constant plus a part of the light."""
    bright = light >= np.quantile(light[kept], _BRIGHT_QUANTILE)
    floor = float(np.median(chi2[kept & ~bright])) if np.any(kept & ~bright) else 1.0
    part = np.median(np.maximum(chi2 - floor, 0)[kept & bright] / light[kept & bright])
    expected: Floats = floor + part * light
    return expected


def _of_common_flux_ratio(sums: StampSums) -> NDArray[np.bool_]:
    """Return which stamps agree on the flux ratio, as the first function and a constant fit it to each alone."""
    pair = np.array([0, sums.vector.shape[1] - 1])
    local = np.linalg.pinv(sums.matrix[:, pair[:, None], pair]) @ sums.vector[:, pair, None]
    offset = np.abs(local[:, 0, 0] - np.median(local[:, 0, 0]))
    agree: NDArray[np.bool_] = offset <= _CLIP_SIGMA * max(scatter(local[:, 0, 0]), _LEAST_RATIO_SCATTER)
    return agree


def _solved(matrix: Floats, vector: Floats) -> Floats:
    """Solve the normal equations, scaled to a unit diagonal; directions without information are left at zero."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(matrix * scale[:, None] * scale[None, :])
    good = values > 1e-10 * values[-1]
    return scale * (vectors[:, good] @ ((vectors[:, good].T @ (scale * vector)) / values[good]))


def _normal(position: ArrayLike, length: int) -> Floats:
    return (2 * np.asarray(position, np.float64) + 1) / length - 1

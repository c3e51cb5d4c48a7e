"""The least-squares fit of a kernel that varies over the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seechange_alardlupton.kernel_basis import KernelBasis
from seechange_core.frames import Floats, Pixels
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.cleaned_pair import CleanedPair
from seechange_core.imaging.robust import scatter

_CLIPPING_ROUNDS = 4
_CLIP_SIGMA = 4.0
_LEAST_RATIO_SCATTER = 0.01


@dataclass(frozen=True)
class StampSums:
    """What the fit needs of each stamp: sums over its pixels of products, each divided by the variance.

    Parameters
    ----------
    matrix : array of shape (n, m, m)
        Of all pairs of the m model images: the image convolved with each function of the basis, and a constant.
    vector : array of shape (n, m)
        Of each model image and the target.
    square : array of shape (n,)
        Of the target with itself.
    n_pixels : array of shape (n,)
        That were used in each stamp.
    """

    matrix: Floats
    vector: Floats
    square: Floats
    n_pixels: Floats


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


def stamp_sums(
    image: Pixels,
    target: Pixels,
    pair: CleanedPair,
    x: NDArray[np.intp],
    y: NDArray[np.intp],
    half: int,
    basis: KernelBasis,
) -> StampSums:
    """Form the sums of every stamp.

    Parameters
    ----------
    image, target : array of shape (ny, nx)
        What is convolved, and what it shall match.
    pair : CleanedPair
        Where both are from: it has their variances, and says which pixels must not be used.
    x, y : array of shape (n,), int
        Centres of the stamps (pixel), at least ``half + basis.half`` from the edges.
    half : int
        Half the side of a stamp, rounded down.
    basis : KernelBasis
        Functions of the kernel.
    """
    n, m = len(x), basis.size + 1
    matrix, vector, square, n_pixels = np.empty((n, m, m)), np.empty((n, m)), np.empty(n), np.empty(n)
    reach = half + basis.half
    models = np.ones((m, (2 * half + 1) ** 2))
    for number, (column, row) in enumerate(zip(x, y, strict=True)):
        stamp = np.s_[row - half : row + half + 1, column - half : column + half + 1]
        wide = image[row - reach : row + reach + 1, column - reach : column + reach + 1].astype(np.float64)
        models[:-1] = basis.products(wide).reshape(basis.size, -1)
        wanted = target[stamp].astype(np.float64).ravel()
        variance = pair.new_variance[stamp] + pair.ref_variance[stamp].astype(np.float64)
        weights = (~pair.bad[stamp] / variance).ravel()
        weighted = models * weights
        matrix[number] = weighted @ models.T
        vector[number] = weighted @ wanted
        square[number] = np.sum(weights * wanted**2)
        n_pixels[number] = np.count_nonzero(weights)
    combination = np.eye(m)
    combination[:-1, :-1] = basis.combination
    return StampSums(combination @ matrix @ combination.T, vector @ combination.T, square, n_pixels)


def fit_kernel(
    sums: StampSums, x: ArrayLike, y: ArrayLike, basis: KernelBasis, degree: int, shape: tuple[int, int]
) -> KernelModel:
    """Solve for the kernel, leaving out stamps that do not fit.

    First those whose flux ratio is not that of the others, so that a bright variable star cannot pull the kernel to
    itself; then, round by round, those whose chi-square is far above the others'.

    Notes
    -----
    Alard (2000), A&AS 144, 363: the normal matrix of the whole image is a sum over stamps of Kronecker products.
    """
    terms = spatial_terms(x, y, degree, shape)
    m, n_terms = sums.vector.shape[1], terms.shape[1]
    # The first function alone carries the flux, which does not vary.
    free = np.ones(m * n_terms, bool)
    free[1:n_terms] = False
    kept = _of_common_flux_ratio(sums)
    for _ in range(_CLIPPING_ROUNDS):
        chosen = terms[kept]
        products = np.einsum("sp,sq->spq", chosen, chosen)
        matrix = np.einsum("sij,spq->ipjq", sums.matrix[kept], products, optimize=True).reshape(
            m * n_terms, -1
        )
        vector = np.einsum("si,sp->ip", sums.vector[kept], chosen).ravel()
        solution = np.zeros(m * n_terms)
        solution[free] = _solved(matrix[np.ix_(free, free)], vector[free])
        coefficients = solution.reshape(m, n_terms)
        local = terms @ coefficients.T
        chi2 = (
            sums.square
            - 2 * np.sum(local * sums.vector, axis=1)
            + np.einsum("si,sij,sj->s", local, sums.matrix, local)
        )
        chi2 = chi2 / sums.n_pixels
        limit = np.median(chi2[kept]) + _CLIP_SIGMA * max(
            scatter(chi2[kept]), np.sqrt(2 / np.median(sums.n_pixels))
        )
        still = kept & (chi2 < limit)
        if np.array_equal(still, kept):
            break
        kept = still
    return KernelModel(basis, coefficients, degree, shape, kept, float(np.median(chi2[kept])))


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

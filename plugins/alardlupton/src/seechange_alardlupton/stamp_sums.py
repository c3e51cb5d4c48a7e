"""What the fit of a kernel needs of each stamp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_alardlupton.kernel_basis import KernelBasis
from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.stamps import cut
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair


@dataclass(frozen=True)
class StampSums:
    """Sums over the pixels of each stamp of products, each divided by the variance.

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

    def chi2(self, coefficients: Floats) -> Floats:
        """Return chi-square per pixel of each stamp for coefficients of its own, shape (n, m)."""
        model = np.einsum("si,sij,sj->s", coefficients, self.matrix, coefficients, optimize=True)
        both = np.sum(coefficients * self.vector, axis=1)
        chi2: Floats = (self.square - 2 * both + model) / self.n_pixels
        return chi2


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
        Centres of the stamps (pixel). What is off the image is not used; no light is taken to come from there.
    half : int
        Half the side of a stamp, rounded down.
    basis : KernelBasis
        Functions of the kernel.
    """
    n, m, size = len(x), basis.size + 1, 2 * half + 1
    reach = half + basis.half
    around = cut(image, _int32(x - reach), _int32(y - reach), 2 * reach + 1, 0.0)
    corner = _int32(x - half), _int32(y - half)
    wanted = cut(target, *corner, size, 0.0).reshape(n, -1).astype(np.float64)
    # What stands in for bad pixels is not used.
    variance = sum(
        cut(plane.pixels, *corner, size, 1.0) * np.float32(plane.scale)
        for plane in (pair.new_variance, pair.ref_variance)
    )
    good = ~cut(pair.bad, *corner, size, True)
    weights = np.where(good, 1 / np.where(good, variance, 1), 0).reshape(n, -1)
    matrix, vector = np.empty((n, m, m)), np.empty((n, m))
    models = np.ones((m, size**2))
    for number in range(n):
        models[:-1] = basis.products(around[number].astype(np.float64)).reshape(basis.size, -1)
        weighted = models * weights[number]
        matrix[number] = weighted @ models.T
        vector[number] = weighted @ wanted[number]
    combination = np.eye(m)
    combination[:-1, :-1] = basis.combination
    return StampSums(
        combination @ matrix @ combination.T,
        vector @ combination.T,
        np.sum(weights * wanted**2, axis=1),
        np.count_nonzero(weights, axis=1).astype(np.float64),
    )


def _int32(values: NDArray[np.intp]) -> NDArray[np.int32]:
    return values.astype(np.int32)

"""The functions that a convolution kernel is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats

_FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))
_LEAST_SIGMA = 0.6
_REACH_FWHM = 3.5
_LEAST_REACH = 12
_WINGS_SIGMA_FWHM = 0.9


@dataclass(frozen=True)
class KernelBasis:
    """Gaussians times polynomials: sums of products of a function of x and one of y.

    All but the first sum to 0, so that the first one's coefficient alone decides the flux (Alard 2000).

    Parameters
    ----------
    profiles : array of shape (n_profiles, 2 half + 1)
        Functions of one coordinate.
    pairs : int array of shape (n, 2)
        Products: which profile is taken along y and along x.
    combination : array of shape (n, n)
        Functions of the basis (rows) as sums of the products (columns).
    varies : bool array of shape (n,)
        Whether a function's coefficient varies over the image: not that of the first, since the flux ratio is the same
        everywhere, nor those of the wings, which only few bright stars show.
    """

    profiles: Floats
    pairs: NDArray[np.intp]
    combination: Floats
    varies: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of functions."""
        return len(self.pairs)

    @property
    def half(self) -> int:
        """Pixels on each side of the kernel's middle."""
        return self.profiles.shape[1] // 2

    def image(self, coefficients: Floats) -> Floats:
        """Return the sum of the functions with given coefficients, shape (2 half + 1, 2 half + 1)."""
        of_products = np.zeros((len(self.profiles),) * 2)
        of_products[self.pairs[:, 0], self.pairs[:, 1]] = coefficients @ self.combination
        kernel: Floats = self.profiles.T @ of_products @ self.profiles
        return kernel

    def products(self, image: Floats) -> Floats:
        """Convolve an image with each product.

        Parameters
        ----------
        image : array of shape (ny, nx)
            With `half` pixels more on each side than wanted.

        Returns
        -------
        array of shape (n, ny - 2 half, nx - 2 half)
        """
        side = self.profiles.shape[1]
        reversed_profiles = self.profiles[:, ::-1]
        rows = np.lib.stride_tricks.sliding_window_view(image, side, axis=0) @ reversed_profiles.T
        rows = np.moveaxis(rows, -1, 0)
        both = np.empty((self.size, image.shape[0] - side + 1, image.shape[1] - side + 1))
        for number in range(len(self.profiles)):
            of_row = np.nonzero(self.pairs[:, 0] == number)[0]
            windows = np.lib.stride_tricks.sliding_window_view(rows[number], side, axis=1)
            both[of_row] = np.moveaxis(windows @ reversed_profiles[self.pairs[of_row, 1]].T, -1, 0)
        return both


def kernel_basis(narrow_fwhm: float, wide_fwhm: float, degrees: tuple[int, int, int, int]) -> KernelBasis:
    """Choose a basis for the kernel that widens one seeing to another.

    Parameters
    ----------
    narrow_fwhm, wide_fwhm : float
        Seeing of the image that is convolved and of the other (pixel).
    degrees : tuple of int
        Of the polynomials on Gaussians of half, once and twice the width that is missing, and on one for the wings.

    Notes
    -----
    Alard & Lupton (1998), ApJ 503, 325, eq. 3; the widths follow the seeing as in Israel, Hessman & Schuh (2007),
    AN 328, 16. Real PSFs are no Gaussians: their wings differ out to several FWHM, and what the kernel does not reach
    there is left as a ring around every bright star. Hence the last Gaussian, as wide as the wings are.
    """
    missing = np.sqrt(max(wide_fwhm**2 - narrow_fwhm**2, 0.0)) / _FWHM_PER_SIGMA
    missing = max(float(missing), _LEAST_SIGMA)
    half = int(np.ceil(max(_REACH_FWHM * wide_fwhm, 3 * missing, _LEAST_REACH)))
    # The one that carries the flux comes first.
    sigmas = missing, 0.5 * missing, 2 * missing, max(4 * missing, _WINGS_SIGMA_FWHM * wide_fwhm)
    offset = np.arange(-half, half + 1)
    profiles: list[Floats] = []
    pairs: list[tuple[int, int]] = []
    for sigma, degree in zip(sigmas, (degrees[1], degrees[0], *degrees[2:]), strict=True):
        start = len(profiles)
        u = offset / sigma
        profiles += [np.exp(-0.5 * u**2) * u**power for power in range(degree + 1)]
        pairs += [(start + i, start + j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    index = np.array(pairs)
    table = np.array(profiles)
    table /= np.sqrt(np.sum(table**2, axis=1, keepdims=True))
    sums = table.sum(axis=1)[index].prod(axis=1)
    combination = np.eye(len(index))
    combination[0, 0] = 1.0 / sums[0]
    combination[1:, 0] = -sums[1:] / sums[0]
    varies = index[:, 0] < start
    varies[0] = False
    return KernelBasis(table, index, combination, varies)

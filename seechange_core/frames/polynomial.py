"""Polynomials in two variables, as PSF models and sky mappings use them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seechange_core.frames.arrays import Floats


def exponents(degree: int) -> tuple[tuple[int, int], ...]:
    """Return the powers (of x, of y) of every term up to a total degree, y slowest: 1, x, x^2, ..., y, xy, ..., y^2.

    The order is PSFEx's, so that its coefficients can be used as they are.
    """
    return tuple((i, j) for j in range(degree + 1) for i in range(degree + 1 - j))


def design_matrix(x: ArrayLike, y: ArrayLike, degree: int) -> Floats:
    """Return the terms of `exponents` at each position, shape (n, number of terms)."""
    x, y = np.atleast_1d(np.asarray(x, np.float64)), np.atleast_1d(np.asarray(y, np.float64))
    return np.stack([x**i * y**j for i, j in exponents(degree)], axis=-1)

"""Expressing any smooth mapping of an image to a tangent plane as TAN with SIP."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.polynomial import design_matrix, exponents

_GRID = 33
_TPV_AS_SIP_DEGREE = 5


def sip_degree(mapping: SkyMapping) -> int:
    """Return the SIP degree that holds a mapping's distortion over one image."""
    if mapping.pv1 or mapping.pv2:
        return _TPV_AS_SIP_DEGREE
    return max(mapping.sip_a.shape[0], mapping.sip_b.shape[0], 2) - 1


def as_tan_sip(
    plane: Callable[[Floats, Floats], Floats], crval: tuple[float, float], shape: tuple[int, int], degree: int
) -> SkyMapping:
    """Fit a TAN-SIP mapping to a function over an image.

    Parameters
    ----------
    plane : callable
        From x and y (pixel), shape (n,), to positions on the tangent plane (deg), shape (n, 2).
    crval : tuple of float
        Where the plane touches the sky (deg).
    shape : tuple of int
        Rows and columns of the image.
    degree : int
        Of the SIP polynomials.
    """
    sides = (np.linspace(-0.5, side - 0.5, _GRID) for side in shape)
    y, x = (values.ravel() for values in np.meshgrid(*sides, indexing="ij"))
    wanted = plane(x, y)
    # SIP has no constant: the pixel that lands on the point of tangency becomes the reference pixel.
    crpix = np.array([0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1)])
    for _ in range(3):
        span = max(float(np.abs(x - crpix[0]).max()), float(np.abs(y - crpix[1]).max()))
        terms = design_matrix((x - crpix[0]) / span, (y - crpix[1]) / span, degree)
        coefficients = np.linalg.lstsq(terms, wanted, rcond=None)[0]
        powers = exponents(degree)
        cd = np.stack([coefficients[powers.index((1, 0))], coefficients[powers.index((0, 1))]], axis=1) / span
        inverse = np.linalg.inv(cd)
        shift = inverse @ coefficients[0]
        if np.abs(shift).max() < 1e-6:
            break
        crpix = crpix - shift
    sip = np.zeros((2, degree + 1, degree + 1))
    for number, (i, j) in enumerate(powers):
        if i + j >= 2:
            sip[:, i, j] = inverse @ coefficients[number] / span ** (i + j)
    return SkyMapping(crval, (float(crpix[0]), float(crpix[1])), cd, sip[0], sip[1])

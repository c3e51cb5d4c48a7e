"""Expressing a sky mapping's distortion as TPV, which SWarp and SCAMP read where they ignore SIP."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.mapping import project, tpv_terms
from seechange_core.frames.polynomial import design_matrix, exponents
from seechange_core.imaging.astrometry.tan_sip import as_tan_sip, sip_degree

_GRID = 33
_HIGHEST_TPV_DEGREE = 7
_TOLERANCE_PIXEL = 1e-6


def as_tpv(mapping: SkyMapping, shape: tuple[int, int]) -> SkyMapping:
    """Return the same mapping with TPV terms in place of SIP's.

    SIP is a polynomial in pixels and TPV one, of the same degree, in the plane that the CD matrix maps them to, so that
    nothing is lost.

    Parameters
    ----------
    mapping : SkyMapping
        One that has TPV terms is returned as it is.
    shape : tuple of int
        Rows and columns of the image, over which the terms are found.

    Raises
    ------
    ValueError
        If the degree is above 7, TPV's highest.
    """
    degree = sip_degree(mapping)
    if mapping.pv1 or mapping.pv2 or degree < 2:
        return mapping
    if degree > _HIGHEST_TPV_DEGREE:
        raise ValueError(
            f"SIP of degree {degree} has no TPV equivalent: {_HIGHEST_TPV_DEGREE} is the highest"
        )
    x, y = _grid(shape)
    wanted = np.stack(mapping.pixel_to_plane(x, y), axis=1)
    first, second = mapping.cd @ np.stack([x - mapping.crpix[0], y - mapping.crpix[1]])
    span = float(max(np.abs(first).max(), np.abs(second).max()))
    solution = np.linalg.lstsq(design_matrix(first / span, second / span, degree), wanted, rcond=None)[0]
    powers = exponents(degree)
    coefficients = {power: solution[number] / span ** sum(power) for number, power in enumerate(powers)}
    terms = [term for term in tpv_terms() if sum(term) <= degree]
    none = np.zeros(2)
    # Declination's terms are in the order of its own axis.
    pv1 = tuple(0.0 if r else float(coefficients.get((i, j), none)[0]) for i, j, r in terms)
    pv2 = tuple(0.0 if r else float(coefficients.get((j, i), none)[1]) for i, j, r in terms)
    zero = np.zeros((1, 1))
    return replace(mapping, sip_a=zero, sip_b=zero, pv1=pv1, pv2=pv2)


def as_sip(mapping: SkyMapping, shape: tuple[int, int]) -> SkyMapping:
    """Return the same mapping with SIP terms in place of TPV's.

    The lowest degree is taken that is good to a millionth of a pixel over the image. TPV's odd powers of the radius are
    no polynomial, and may leave more than that at degree 7, the last that is tried, where the image holds the point of
    tangency.

    Parameters
    ----------
    mapping : SkyMapping
        One that has no TPV terms is returned as it is.
    shape : tuple of int
        Rows and columns of the image.
    """
    if not (mapping.pv1 or mapping.pv2):
        return mapping
    x, y = _grid(shape)
    ra, dec = mapping.pixel_to_sky(x, y)
    middle = mapping.pixel_to_sky([0.5 * (shape[1] - 1)], [0.5 * (shape[0] - 1)])
    centre = float(middle[0][0]), float(middle[1][0])

    def plane(at_x: Floats, at_y: Floats) -> Floats:
        return np.stack(project(*mapping.pixel_to_sky(at_x, at_y), centre), axis=1)

    for degree in range(2, _HIGHEST_TPV_DEGREE + 1):
        found = as_tan_sip(plane, centre, shape, degree)
        x_found, y_found = found.sky_to_pixel(ra, dec)
        if max(np.abs(x_found - x).max(), np.abs(y_found - y).max()) < _TOLERANCE_PIXEL:
            break
    return replace(
        mapping,
        crval=found.crval,
        crpix=found.crpix,
        cd=found.cd,
        sip_a=found.sip_a,
        sip_b=found.sip_b,
        pv1=(),
        pv2=(),
    )


def _grid(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    y, x = np.meshgrid(*(np.linspace(-0.5, side - 0.5, _GRID) for side in shape), indexing="ij")
    return x.ravel(), y.ravel()

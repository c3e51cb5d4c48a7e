"""Fitting a sky mapping, gnomonic with SIP, to sources matched with stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.mapping import project
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.robust import excess_scatter
from seechange_core.imaging.tan_sip import as_tan_sip, sip_degree

_CLIP_SIGMA = 3.5
_ITERATIONS = 10
_MAS_PER_DEG = 3.6e6
#: Fewest stars for each degree of the correction, highest first.
_STARS_FOR_DEGREE = ((60, 3), (20, 2), (6, 1), (1, 0))


@dataclass(frozen=True)
class AstrometricFit:
    """A mapping and the stars that made it.

    Parameters
    ----------
    mapping : SkyMapping
        With ``rms_mas`` and ``n_stars``.
    kept : bool array of shape (n,)
        Pairs that were not clipped.
    degree : int
        Of the correction that was fitted.
    excess_mas : float
        Scatter beyond the errors of centroids and catalogue, along one axis.
    """

    mapping: SkyMapping
    kept: NDArray[np.bool_]
    degree: int
    excess_mas: float


def fit_mapping(
    x: Floats,
    y: Floats,
    error_pixel: Floats,
    ra: Floats,
    dec: Floats,
    error_mas: Floats,
    start: SkyMapping,
    shape: tuple[int, int],
    *,
    max_degree: int = 3,
) -> AstrometricFit:
    """Correct a mapping by a polynomial of position, and express the whole as TAN-SIP.

    The degree of the correction follows the number of stars (3 from 60, 2 from 20, 1 from 6, else a shift), so that the
    distortion that the first mapping knows is kept where the stars are too few to measure it.

    Parameters
    ----------
    x, y, error_pixel : array of shape (n,)
        Sources and the error of their position along one axis (pixel).
    ra, dec, error_mas : array of shape (n,)
        Their stars (deg), and the error along one axis.
    start : SkyMapping
        Good enough that the pairs are right.
    shape : tuple of int
        Rows and columns of the image, over which the mapping has to hold.
    max_degree : int
        Of the correction.

    Raises
    ------
    ValueError
        If there is no pair.
    """
    if len(x) == 0:
        raise ValueError("no stars to fit a mapping to")
    centre = _sky(start, 0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1))
    wanted = np.stack(project(ra, dec, centre), axis=1)
    offsets = (wanted - np.stack(project(*start.pixel_to_sky(x, y), centre), axis=1)) * _MAS_PER_DEG
    errors = np.hypot(np.asarray(error_pixel, np.float64) * start.pixel_scale_arcsec * 1e3, error_mas)
    degree = min(max_degree, next(degree for stars, degree in _STARS_FOR_DEGREE if len(x) >= stars))
    solution, kept, extra = _fit(_terms(x, y, shape, degree), offsets, np.maximum(errors, 1e-3))
    residual = (offsets - _terms(x, y, shape, degree) @ solution)[kept]

    def plane(at_x: Floats, at_y: Floats) -> Floats:
        from_start = np.stack(project(*start.pixel_to_sky(at_x, at_y), centre), axis=1)
        return from_start + _terms(at_x, at_y, shape, degree) @ solution / _MAS_PER_DEG

    mapping = as_tan_sip(plane, centre, shape, max(degree, sip_degree(start), 1))
    fitted = SkyMapping(
        mapping.crval,
        mapping.crpix,
        mapping.cd,
        mapping.sip_a,
        mapping.sip_b,
        rms_mas=float(np.sqrt(np.mean(residual**2))),
        n_stars=int(kept.sum()),
    )
    return AstrometricFit(fitted, kept, degree, extra)


def _sky(mapping: SkyMapping, x: float, y: float) -> tuple[float, float]:
    ra, dec = mapping.pixel_to_sky([x], [y])
    return float(ra[0]), float(dec[0])


def _terms(x: Floats, y: Floats, shape: tuple[int, int], degree: int) -> Floats:
    ny, nx = shape
    return design_matrix(2.0 * x / nx - 1.0, 2.0 * y / ny - 1.0, degree)


def _fit(terms: Floats, offsets: Floats, errors: Floats) -> tuple[Floats, NDArray[np.bool_], float]:
    """Weighted fit with clipping; weights include the scatter that the errors leave unexplained."""
    kept = np.ones(len(terms), bool)
    solution: Floats = np.zeros((terms.shape[1], 2))
    solution[0] = np.median(offsets, axis=0)
    extra = 0.0
    for iteration in range(_ITERATIONS):
        residual = offsets - terms @ solution
        extra = excess_scatter(residual[kept].ravel(), np.repeat(errors[kept], 2))
        weight = 1.0 / np.hypot(errors, extra)
        now = np.hypot(residual[:, 0], residual[:, 1]) * weight < _CLIP_SIGMA
        if now.sum() < min(len(terms), terms.shape[1] + 1):
            now = kept
        w = weight[now, None]
        solution = np.asarray(np.linalg.lstsq(terms[now] * w, offsets[now] * w, rcond=None)[0], np.float64)
        if iteration > 1 and np.array_equal(now, kept):
            break
        kept = now
    return solution, kept, extra

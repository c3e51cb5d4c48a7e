"""Choosing the stars that a PSF is fitted to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seechange_core.frames import Floats, SourceTable, unusable
from seechange_core.imaging.psf.stellar_width import half_sample_mode
from seechange_core.imaging.robust import scatter

_FWHM_PER_SIGMA = 2.3548200450309493
_NARROWEST_LOCUS = 0.05
_WIDEST_LOCUS = 0.15
_LOCUS_SIGMA = 3.0
_NEIGHBOUR_REACH_FWHM = 6.0
# Pieces of a trail, which share a width as stars do, are longer than this.
_LONGEST_AXIS_RATIO = 4.0


def common_width(sources: SourceTable, min_snr: float) -> float:
    """Return the full width (pixel) that most sources of at least some S/N share; NaN if there are none.

    What is longer than any image of a star, like the pieces of a trail, has no say.
    """
    with np.errstate(invalid="ignore"):
        bright = sources["snr"] >= min_snr
    return half_sample_mode(_width(sources)[bright & _short(sources)])


def choose_stars(
    sources: SourceTable,
    fwhm: float,
    *,
    min_snr: float,
    max_stars: int,
    max_contamination: float,
    max_ellipticity: float,
) -> NDArray[np.intp]:
    """Return the rows that look like single, clean stars, brightest first.

    Parameters
    ----------
    sources : SourceTable
        With first fluxes, widths and the planes of the mask in the core.
    fwhm : float
        Of stars, as widths are measured (pixel).
    min_snr : float
        Least significance; the stars may be fewer but never fainter.
    max_stars : int
        How many are enough.
    max_contamination : float
        Most light of neighbours at the star's peak, relative to its own peak. If fewer than ten stars are that well
        isolated, the ten best are taken.
    max_ellipticity : float
        1 - b / a relative to that of most sources.

    Notes
    -----
    Stars share one width, galaxies are wider and cosmic rays narrower: the locus is the mode of the widths, and as
    wide as the scatter of the widths about it, between 5 and 15 %.
    """
    width = _width(sources)
    ellipticity = 1.0 - sources["b"] / sources["a"].astype(np.float64)
    with np.errstate(invalid="ignore"):
        usable = (
            (sources["snr"] >= min_snr)
            & (sources["flux"] > 0)
            & np.isfinite(width)
            & _short(sources)
            & ~unusable(sources["mask"])
        )
        usable &= np.abs(width / fwhm - 1.0) < 0.5
    if not usable.any():
        return np.empty(0, np.intp)
    mode = half_sample_mode(width[usable])
    near = usable & (np.abs(width / mode - 1.0) < _WIDEST_LOCUS)
    tolerance = np.clip(_LOCUS_SIGMA * scatter(width[near] / mode), _NARROWEST_LOCUS, _WIDEST_LOCUS)
    typical = np.median(ellipticity[near])
    starlike = near & (np.abs(width / mode - 1.0) <= tolerance) & (ellipticity <= typical + max_ellipticity)
    rows = np.flatnonzero(starlike)
    contamination = _contamination(sources, rows, mode)
    isolated = contamination <= max_contamination
    if isolated.sum() < 10:
        isolated = contamination <= np.sort(contamination)[:10][-1] if len(rows) else isolated
    rows = rows[isolated]
    order = np.argsort(-sources["flux"][rows], kind="stable")
    return rows[order][:max_stars]


def _width(sources: SourceTable) -> Floats:
    width: Floats = _FWHM_PER_SIGMA * np.sqrt(sources["a"] * sources["b"].astype(np.float64))
    return width


def _short(sources: SourceTable) -> NDArray[np.bool_]:
    short: NDArray[np.bool_] = sources["a"] <= _LONGEST_AXIS_RATIO * sources["b"]
    return short


def _contamination(sources: SourceTable, rows: NDArray[np.intp], fwhm: float) -> Floats:
    """Light of all neighbours at the peak of each star relative to its own, for a Moffat profile of beta 2.5."""
    positions = np.stack([sources["x"], sources["y"]], axis=1)
    flux = np.where(np.isfinite(sources["flux"]), sources["flux"], 0.0).clip(0.0)
    near = cKDTree(positions).query_ball_point(
        positions[rows], _NEIGHBOUR_REACH_FWHM * fwhm, return_sorted=True
    )
    result = np.zeros(len(rows))
    for number, (row, neighbours) in enumerate(zip(rows, near, strict=True)):
        others = np.array([other for other in neighbours if other != row], np.intp)
        distance = np.hypot(*(positions[others] - positions[row]).T)
        width = fwhm / (2.0 * np.sqrt(2.0**0.4 - 1.0))
        result[number] = (flux[others] / flux[row] * (1.0 + (distance / width) ** 2) ** -2.5).sum()
    return result


def neighbour_pixels(
    positions: Floats, rows: NDArray[np.intp], size: int, radius: float
) -> NDArray[np.bool_]:
    """Return which pixels of the stars' stamps lie within a radius (pixel) of another source; (n, size, size)."""
    near = cKDTree(positions).query_ball_point(positions[rows], 0.75 * size + radius, return_sorted=True)
    offset = np.arange(size) - size // 2
    covered = np.zeros((len(rows), size, size), bool)
    for number, (row, neighbours) in enumerate(zip(rows, near, strict=True)):
        middle = np.floor(positions[row] + 0.5)
        for other in np.asarray(neighbours, np.intp):
            if other != row:
                dx, dy = positions[other] - middle
                covered[number] |= np.hypot(offset[None, :] - dx, offset[:, None] - dy) <= radius
    return covered


def sources_near(positions: Floats, rows: NDArray[np.intp], reach: float) -> NDArray[np.intp]:
    """Return the rows, in ascending order, of the stars and of all sources within a reach (pixel) of them."""
    near = cKDTree(positions).query_ball_point(positions[rows], reach)
    return np.unique(np.concatenate([np.asarray(found, np.intp) for found in near]))

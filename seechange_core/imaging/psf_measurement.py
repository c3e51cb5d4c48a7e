"""From an image and its first list of sources to a PSF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import Rejected
from seechange_core.frames import Frame, PsfModel, SourceTable
from seechange_core.imaging.pixel_grid_psf import (
    StarStamps,
    cut_stars,
    fit_pixel_grid,
    gaussian_psf,
    goodness,
)
from seechange_core.imaging.psf_photometry import fit_point_sources
from seechange_core.imaging.psf_stars import choose_stars, neighbour_pixels, sources_near
from seechange_core.imaging.stellar_width import half_sample_mode
from seechange_core.imaging.usable_pixels import unusable_pixels

_NEIGHBOUR_RADIUS_FWHM = 1.5
_ENOUGH_FOR_FIRST = 60
_NEIGHBOUR_CORE_FWHM = 0.5
_SMALLEST_HALF = 8
_FWHM_PER_SIGMA = 2.3548200450309493


def measure_psf(
    image: Frame,
    sources: SourceTable,
    *,
    min_snr: float,
    max_stars: int,
    min_stars: int,
    max_contamination: float,
    max_ellipticity: float,
    half_size_fwhm: float,
    fewest_for_degree: Sequence[int],
) -> tuple[PsfModel, dict[str, Any]]:
    """Choose stars and fit a PSF to them.

    Parameters
    ----------
    image : Frame
        Background subtracted.
    sources : SourceTable
        First list, with aperture fluxes.
    min_snr, max_stars, max_contamination, max_ellipticity
        As in `psf_stars.choose_stars`.
    min_stars : int
        Fewest stars.
    half_size_fwhm : float
        Half the side of the model's stamp (FWHM).
    fewest_for_degree : sequence of int
        Stars needed for the degrees 1, 2, 3 ...

    Returns
    -------
    PsfModel
        Normalised to 1 within 5 FWHM.
    dict
        ``stars`` (rows used), ``psf_chi2`` and ``psf_residual`` (see `pixel_grid_psf.goodness`), ``psf_degree``.

    Raises
    ------
    Rejected
        If fewer than `min_stars` can be used.
    """
    width = _FWHM_PER_SIGMA * np.sqrt(sources["a"] * sources["b"].astype(np.float64))
    with np.errstate(invalid="ignore"):
        fwhm = half_sample_mode(width[sources["snr"] >= min_snr])
    rows = np.empty(0, np.intp)
    if math.isfinite(fwhm):
        rows = choose_stars(
            sources,
            fwhm,
            min_snr=min_snr,
            max_stars=max_stars,
            max_contamination=max_contamination,
            max_ellipticity=max_ellipticity,
        )
    if len(rows) < min_stars:
        raise Rejected(
            f"{len(rows)} stars are fit for the PSF, {min_stars} are needed, of {sources.n_rows} sources",
            {"n_stars": len(rows), "n_sources": sources.n_rows},
        )
    size = 2 * max(_SMALLEST_HALF, math.ceil(half_size_fwhm * fwhm)) + 1
    mask = unusable_pixels(image)
    x, y = sources["x"][rows], sources["y"][rows]
    stars = cut_stars(image.data, image.variance, mask, x, y, sources["flux"][rows], size)
    covered = neighbour_pixels(sources, rows, size, _NEIGHBOUR_RADIUS_FWHM * fwhm)
    stars = replace(stars, good=stars.good & ~covered).rows(np.arange(min(len(rows), _ENOUGH_FOR_FIRST)))
    first = fit_pixel_grid(stars, gaussian_psf(image.shape, size, fwhm), fewest_for_degree[:1]).model
    stars = _without_neighbours(image, sources, rows, first, size)
    result = fit_pixel_grid(stars, first, fewest_for_degree, rounds=2)
    chi2, residual = goodness(result, fewest_for_degree)
    metrics = {
        "stars": rows[result.used].tolist(),
        "psf_degree": result.model.degree,
        "psf_chi2": chi2,
        "psf_residual": residual,
    }
    return result.model, metrics


def _without_neighbours(
    image: Frame, sources: SourceTable, rows: NDArray[np.intp], psf: PsfModel, size: int
) -> StarStamps:
    """Cut the stars out of the image once more, with the sources around them subtracted."""
    mask = unusable_pixels(image)
    around = sources_near(sources, rows, size)
    x, y = sources["x"][around], sources["y"][around]
    point, residual = fit_point_sources(image.data, image.variance, mask, psf, x, y, size=size, rounds=1)
    number = np.searchsorted(around, rows)
    measured = np.isfinite(point.flux[number])
    x, y = (
        np.where(measured, column[number], sources[name][rows])
        for name, column in (("x", point.x), ("y", point.y))
    )
    flux = np.where(measured, point.flux[number], sources["flux"][rows])
    stars = cut_stars(residual, image.variance, mask, x, y, flux, size)
    own = np.where(measured, point.flux[number], 0.0)[:, None, None] * psf.stamps(x, y, size)
    # Light that a point source does not explain is worst in the middle of the neighbours.
    covered = neighbour_pixels(sources, rows, size, _NEIGHBOUR_CORE_FWHM * psf.fwhm)
    return replace(stars, light=np.where(stars.good, stars.light + own, 0.0), good=stars.good & ~covered)

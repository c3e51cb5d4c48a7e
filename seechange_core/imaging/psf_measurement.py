"""From an image and its first list of sources to a PSF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seechange_core.errors import Rejected
from seechange_core.frames import Frame, PsfModel, SourceTable
from seechange_core.imaging.pixel_grid_psf import cut_stars, fit_pixel_grid
from seechange_core.imaging.psf_stars import choose_stars, neighbour_pixels
from seechange_core.imaging.stellar_width import half_sample_mode
from seechange_core.imaging.usable_pixels import unusable_pixels

_NEIGHBOUR_RADIUS_FWHM = 1.5
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
        ``stars`` (rows used), ``psf_chi2`` and ``psf_residual`` (see `PsfFitResult`), ``psf_degree``.

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
    result = fit_pixel_grid(replace(stars, good=stars.good & ~covered), image.shape, fwhm, fewest_for_degree)
    metrics = {
        "stars": rows[result.used].tolist(),
        "psf_degree": result.model.degree,
        "psf_chi2": result.chi2,
        "psf_residual": result.residual,
    }
    return result.model, metrics

"""From an image and its first list of sources to a PSF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seechange_core.errors import Rejected
from seechange_core.frames import Floats, Frame, PsfModel, SourceTable
from seechange_core.imaging.psf.brighter_fatter import faint_enough, width_slope
from seechange_core.imaging.psf.hidden_neighbours import hidden_neighbours
from seechange_core.imaging.psf.normalisation import normalised
from seechange_core.imaging.psf.photometry import fit_point_sources, subtract_wings
from seechange_core.imaging.psf.pixel_grid_psf import (
    PsfFitResult,
    StarStamps,
    cut_stars,
    fit_pixel_grid,
    gaussian_psf,
    goodness,
)
from seechange_core.imaging.psf.rendering import rendered
from seechange_core.imaging.psf.stars import choose_stars, common_width, neighbour_pixels, sources_near
from seechange_core.imaging.psf.wings import fit_wings, wide_size, with_wings
from seechange_core.imaging.usable_pixels import unusable_pixels

_NEIGHBOUR_RADIUS_FWHM = 1.5
_ENOUGH_FOR_FIRST = 60
_NEIGHBOUR_CORE_FWHM = 0.5
# Wings of a neighbour below this part of the sky's noise, per pixel, are not subtracted.
_FAINTEST_WING_SIGMA = 0.1
_ENOUGH_FOR_WINGS = 60
_SAMPLE_STEP = 8
_SMALLEST_HALF = 8
_ALIEN_LIGHT = 1e-3


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
        As in `psf.stars.choose_stars`.
    min_stars : int
        Fewest stars.
    half_size_fwhm : float
        Half the side of the part in which every pixel is fitted (FWHM); farther out are wings.
    fewest_for_degree : sequence of int
        Stars needed for the degrees 1, 2, 3 ...

    Returns
    -------
    PsfModel
        Normalised to 1 within 5 FWHM.
    dict
        ``stars`` (rows used), ``psf_degree``, ``psf_chi2``, ``psf_residual`` and ``psf_error`` (see
        `pixel_grid_psf.goodness`), ``psf_width_slope`` and its error (see `brighter_fatter.WidthSlope`; None where
        unknown), ``n_too_bright`` (stars left out since they are wider than faint ones).

    Raises
    ------
    Rejected
        If fewer than `min_stars` can be used.
    """
    fwhm = common_width(sources, min_snr)
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
    positions = np.stack([sources["x"], sources["y"]], axis=1)
    few = rows[:_ENOUGH_FOR_FIRST]
    x, y, flux = (sources[name][few] for name in ("x", "y", "flux"))
    stars = cut_stars(image.data, image.variance, mask, x, y, flux, wide_size(fwhm))
    covered = neighbour_pixels(positions, few, wide_size(fwhm), _NEIGHBOUR_RADIUS_FWHM * fwhm)
    stars = replace(stars, good=stars.good & ~covered)
    core = fit_pixel_grid(
        stars.trimmed(size),
        gaussian_psf(image.shape, size, fwhm),
        fewest_for_degree[:1],
        alien_light=_ALIEN_LIGHT,
    )
    first = _completed(core.model, core, stars)

    fluxes = np.nan_to_num(sources["flux"])
    stars, wide = _without_neighbours(image, positions, fluxes, rows, first, size)
    hidden = hidden_neighbours(stars, _trimmed(first, size))
    if len(hidden):
        near = cKDTree(hidden).query(positions[rows])[0] < math.sqrt(0.5) * (size + wide.light.shape[-1])
        positions = np.concatenate([positions, hidden])
        fluxes = np.concatenate([fluxes, np.zeros(len(hidden))])
        again = _without_neighbours(
            image, positions, fluxes, rows[near], first, size, int(near[: len(wide.x)].sum())
        )
        stars, wide = _replaced(stars, near, again[0]), _replaced(wide, near[: len(wide.x)], again[1])
    result = fit_pixel_grid(stars, _trimmed(first, size), fewest_for_degree, rounds=2)
    of_all, rows = result, rows[result.used]
    slope = width_slope(result.model, result.stars)
    faint = faint_enough(result.model, result.stars, slope)
    if not faint.all():
        result = fit_pixel_grid(result.stars.rows(faint), result.model, fewest_for_degree, rounds=2)
        rows = rows[faint][result.used]
        # Under the PSF of all stars, the brightest looked less wide than they are.
        slope = width_slope(result.model, of_all.stars)
    chi2, residual, error = goodness(result, fewest_for_degree)
    metrics = {
        "stars": rows.tolist(),
        "psf_degree": result.model.degree,
        "psf_chi2": chi2,
        "psf_residual": residual,
        "psf_error": error,
        "psf_width_slope": slope.slope if slope.known else None,
        "psf_width_slope_error": slope.error if slope.known else None,
        "n_too_bright": int((~faint).sum()),
    }
    return _completed(result.model, of_all, wide), metrics


def _completed(core: PsfModel, fit: PsfFitResult, wide: StarStamps) -> PsfModel:
    """Return a core with the wings of the first stars of a fit, whose wide stamps are given."""
    number = np.flatnonzero(fit.used)
    number = number[number < len(wide.x)]
    stars = fit.stars.rows(np.arange(len(number)))
    wide = replace(wide.rows(number), x=stars.x, y=stars.y, flux=stars.flux)
    return normalised(with_wings(core, fit_wings(wide, core.fwhm), wide_size(core.fwhm)))


def _without_neighbours(
    image: Frame,
    positions: Floats,
    fluxes: Floats,
    rows: NDArray[np.intp],
    psf: PsfModel,
    size: int,
    n_wide: int = _ENOUGH_FOR_WINGS,
) -> tuple[StarStamps, StarStamps]:
    """Cut the stars out of the image once more, with the sources around them subtracted.

    The positions and first fluxes are those of all sources, the rows those of the stars. All stars in stamps of the
    size, and the `n_wide` brightest also in wide ones.
    """
    mask = unusable_pixels(image)
    outer = wide_size(psf.fwhm)
    edge = psf.coefficients[0, psf.size // 2, psf.size // 2 + size // 2]
    noise = math.sqrt(float(np.median(image.variance[::_SAMPLE_STEP, ::_SAMPLE_STEP])))
    around = sources_near(positions, rows, math.sqrt(2.0) * size)
    if n_wide:
        reach = math.sqrt(0.5) * (outer + size)
        around = np.union1d(around, sources_near(positions, rows[:n_wide], reach))
    winged = np.flatnonzero(fluxes * edge > _FAINTEST_WING_SIGMA * noise)
    around = np.union1d(around, winged)
    point, residual = fit_point_sources(
        image.data, image.variance, mask, psf, *positions[around].T, size=size, rounds=2
    )
    number = np.searchsorted(around, rows)
    flux = np.nan_to_num(point.flux)
    far = flux * edge > _FAINTEST_WING_SIGMA * noise
    far[number[:n_wide]] = True
    subtract_wings(residual, psf, point.x[far], point.y[far], flux[far], size, outer)
    measured = np.isfinite(point.flux[number])
    x, y, first_flux = (
        np.where(measured, column[number], fallback)
        for fallback, column in (
            (positions[rows, 0], point.x),
            (positions[rows, 1], point.y),
            (fluxes[rows], point.flux),
        )
    )

    def alone(chosen: slice, side: int) -> StarStamps:
        at_x, at_y = x[chosen], y[chosen]
        stars = cut_stars(residual, image.variance, mask, at_x, at_y, first_flux[chosen], side)
        own = flux[number][chosen, None, None].astype(np.float32) * rendered(psf, at_x, at_y, side)
        # Light that a point source does not explain is worst in the middle of the neighbours.
        covered = neighbour_pixels(positions, rows[chosen], side, _NEIGHBOUR_CORE_FWHM * psf.fwhm)
        light = np.where(stars.good, stars.light + own, 0.0)
        return replace(stars, light=light, good=stars.good & ~covered)

    return alone(slice(None), size), alone(slice(n_wide), outer)


def _replaced(stars: StarStamps, chosen: NDArray[np.bool_], by: StarStamps) -> StarStamps:
    """Return stars of which some, in their order, are replaced."""
    columns = {}
    for name in ("x", "y", "flux", "light", "variance", "good"):
        columns[name] = getattr(stars, name).copy()
        columns[name][chosen] = getattr(by, name)
    return StarStamps(**columns)


def _trimmed(model: PsfModel, size: int) -> PsfModel:
    """Return the middle of a model, with one sample per pixel."""
    cut = (model.size - size) // 2
    return replace(model, coefficients=model.coefficients[:, cut : cut + size, cut : cut + size])

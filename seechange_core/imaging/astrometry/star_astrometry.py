"""From a first guess of the sky mapping to one fitted to all stars: match, fit, match again with the better mapping."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seechange_core.errors import Rejected
from seechange_core.frames import (
    Floats,
    MaskPlane,
    MatchedStarTable,
    SkyMapping,
    SourceTable,
    StarTable,
    unusable,
)
from seechange_core.imaging.astrometry.astrometric_fit import AstrometricFit, fit_mapping
from seechange_core.imaging.astrometry.chance_matches import LEAST_COVERAGE, coverage
from seechange_core.imaging.astrometry.pairing import Index, mutual_pairs
from seechange_core.imaging.astrometry.star_matching import StarMatch, match_stars

_ROUNDS = 3
_WIDEST_PIXEL = 5.0
_NARROWEST_PIXEL = 1.0
#: Error of the mapping, rms over the image, with which it is of no use.
_LARGEST_ERROR_PIXEL = 0.5


def good_sources(sources: SourceTable, min_snr: float) -> SourceTable:
    """Return the sources whose centroids can be trusted: nothing unusable in the core, bright enough."""
    snr_known = np.isfinite(sources["x_error"] + sources["y_error"])
    return sources.rows(snr_known & (sources["snr"] >= min_snr) & ~unusable(sources["mask"]))


def magnitudes_for_order(stars: StarTable) -> Floats:
    """Return Gaia's G, or else the first magnitude there is, to order stars by brightness; unknown ones last."""
    magnitude = _main_magnitude(stars)
    return np.where(np.isfinite(magnitude), magnitude, 99.0)


def _main_magnitude(stars: StarTable) -> Floats:
    names = [name for name in stars if name.startswith("mag_") and not name.endswith("_error")]
    if not names:
        return np.full(stars.n_rows, np.nan)
    return np.asarray(stars["mag_G" if "mag_G" in names else names[0]], np.float64)


def fit_to_stars(
    sources: SourceTable,
    stars: StarTable,
    first: SkyMapping,
    shape: tuple[int, int],
    *,
    max_offset_arcsec: float,
    min_stars: int,
    min_snr: float,
    max_degree: int,
    max_log10_chance: float,
) -> tuple[AstrometricFit, StarMatch]:
    """Solve an image's astrometry.

    Returns
    -------
    AstrometricFit
        The solution.
    StarMatch
        How it was found; its rows of sources (those of `good_sources`) and stars are the pairs of the fit.

    Raises
    ------
    Rejected
        If too few stars match, the match may be chance, it is confined to a part of the image, or the stars leave the
        mapping too uncertain.
    """
    usable = good_sources(sources, min_snr)
    counts = {"n_sources": usable.n_rows, "n_catalog": stars.n_rows}
    if min(usable.n_rows, stars.n_rows) < min_stars:
        raise Rejected(
            f"{usable.n_rows} usable sources and {stars.n_rows} catalogue stars; {min_stars} of each are needed",
            counts,
        )
    x, y = usable["x"], usable["y"]
    ra, dec = stars["ra"], stars["dec"]
    match = match_stars(
        x,
        y,
        usable["flux"],
        ra,
        dec,
        magnitudes_for_order(stars),
        first,
        shape,
        max_offset_arcsec=max_offset_arcsec,
        n_saturated=int(np.count_nonzero(sources["mask"] & MaskPlane.SATURATED)),
    )
    found = {**counts, "n_matched": len(match.sources), "log10_chance": round(match.log10_chance, 1)}
    if len(match.sources) < min_stars or match.log10_chance > max_log10_chance:
        raise Rejected(
            f"{len(match.sources)} stars match, by chance with probability 10^{match.log10_chance:.1f};"
            f" at least {min_stars} and at most 10^{max_log10_chance:g} are asked for",
            found,
        )
    pairs = match.sources, match.stars
    fit = _fit(usable, stars, *pairs, match.mapping, shape, max_degree)
    for _ in range(_ROUNDS):
        scatter_pixel = fit.mapping.rms_mas / (1e3 * fit.mapping.pixel_scale_arcsec)
        radius = float(np.clip(6.0 * scatter_pixel, _NARROWEST_PIXEL, _WIDEST_PIXEL))
        one, two = mutual_pairs(*fit.mapping.sky_to_pixel(ra, dec), x, y, radius)
        if len(one) < min_stars:
            break
        pairs = two, one
        fit = _fit(usable, stars, *pairs, fit.mapping, shape, max_degree)
    _check_fit(usable, stars, fit, shape, min_stars, found)
    mapping = replace(fit.mapping, log10_chance=match.log10_chance)
    return replace(fit, mapping=mapping), replace(match, sources=pairs[0], stars=pairs[1])


def matched_stars(fit: AstrometricFit, match: StarMatch, stars: StarTable) -> MatchedStarTable:
    """Return the pairs that `fit_to_stars` found, with their residuals."""
    paired = stars.rows(match.stars)
    return MatchedStarTable(
        {
            "id": paired["id"],
            "x": fit.x,
            "y": fit.y,
            "ra": paired["ra"],
            "dec": paired["dec"],
            "magnitude": _main_magnitude(paired),
            "east": fit.residual_mas[:, 0],
            "north": fit.residual_mas[:, 1],
            "error": fit.error_mas,
            "used": fit.kept,
        }
    )


def _check_fit(
    usable: SourceTable,
    stars: StarTable,
    fit: AstrometricFit,
    shape: tuple[int, int],
    min_stars: int,
    found: dict[str, Any],
) -> None:
    """Reject a fit from which too many stars dropped out, that they do not span, or that leaves the mapping unknown."""
    mapping = fit.mapping
    found |= {"n_stars": mapping.n_stars, "error_mas": mapping.error_mas}
    if mapping.n_stars < min_stars:
        raise Rejected(f"{mapping.n_stars} stars remain in the fit; at least {min_stars} are needed", found)
    ny, nx = shape
    x, y = mapping.sky_to_pixel(stars["ra"], stars["dec"])
    on = (x > -0.5) & (x < nx - 0.5) & (y > -0.5) & (y < ny - 0.5)
    matched = fit.x[fit.kept], fit.y[fit.kept]
    spread = coverage(*matched, (usable["x"], usable["y"]), (x[on], y[on]))
    if spread < LEAST_COVERAGE:
        raise Rejected(
            f"the {mapping.n_stars} stars that match are spread over {spread:.0%} of the area that sources and stars"
            f" are spread over; at least {LEAST_COVERAGE:.0%} is asked for",
            found,
        )
    error_pixel = mapping.error_mas / (1e3 * mapping.pixel_scale_arcsec)
    if not error_pixel <= _LARGEST_ERROR_PIXEL:
        raise Rejected(
            f"{mapping.n_stars} stars leave the mapping uncertain by {error_pixel:.2f} pixel;"
            f" at most {_LARGEST_ERROR_PIXEL:g} is asked for",
            found,
        )


def _fit(
    sources: SourceTable,
    stars: StarTable,
    one: Index,
    two: Index,
    start: SkyMapping,
    shape: tuple[int, int],
    max_degree: int,
) -> AstrometricFit:
    error_pixel = np.sqrt(0.5 * (sources["x_error"][one] ** 2.0 + sources["y_error"][one] ** 2.0))
    error_mas = np.sqrt(0.5 * (stars["ra_error"][two] ** 2.0 + stars["dec_error"][two] ** 2.0))
    return fit_mapping(
        sources["x"][one],
        sources["y"][one],
        error_pixel,
        stars["ra"][two],
        stars["dec"][two],
        np.where(np.isfinite(error_mas), error_mas, 0.0),
        start,
        shape,
        max_degree=max_degree,
    )

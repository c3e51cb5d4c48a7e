"""Which stars of a catalogue are fit for the zero point of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, SkyMapping, SourceTable, StarTable
from seechange_core.imaging.astrometry.pairing import mutual_pairs
from seechange_core.imaging.astrometry.star_astrometry import good_sources, magnitudes_for_order
from seechange_core.imaging.photometry.star_isolation import neighbours_light

_FWHM_OF_RMS = 2.0 * np.sqrt(2.0 * np.log(2.0))
#: Where fewer stars stand alone, the least disturbed ones are taken up to this number.
_ENOUGH = 100


@dataclass(frozen=True)
class MatchedStars:
    """Sources and catalogue stars that are the same.

    Parameters
    ----------
    sources : SourceTable of n rows
    stars : StarTable of n rows
    neighbours : array of shape (n,)
        Light of others relative to a star's own: the larger of what the catalogue and what the image knows.
    fwhm : float
        Of these sources (pixel).
    """

    sources: SourceTable
    stars: StarTable
    neighbours: Floats
    fwhm: float


def matched_stars(
    sources: SourceTable, mapping: SkyMapping, stars: StarTable, *, min_snr: float, radius_arcsec: float
) -> MatchedStars:
    """Match sources that can be trusted with the stars of a catalogue, and find the light of their neighbours."""
    usable = good_sources(sources, min_snr)
    x, y = mapping.sky_to_pixel(stars["ra"], stars["dec"])
    of_star, of_source = mutual_pairs(
        x, y, usable["x"], usable["y"], radius_arcsec / mapping.pixel_scale_arcsec
    )
    matched = usable.rows(of_source)
    if len(of_source) == 0:
        return MatchedStars(matched, stars.rows(of_star), np.empty(0), 1.0)
    width = np.sqrt(np.median(matched["a"]) * np.median(matched["b"]))
    fwhm = max(float(_FWHM_OF_RMS * width), 1.0)
    light = 10.0 ** (-0.4 * (magnitudes_for_order(stars) - 20.0))
    in_catalog = neighbours_light(x[of_star], y[of_star], light[of_star], x, y, light, fwhm)
    in_image = neighbours_light(
        matched["x"], matched["y"], matched["flux"], sources["x"], sources["y"], sources["flux"], fwhm
    )
    return MatchedStars(matched, stars.rows(of_star), np.maximum(in_catalog, in_image), fwhm)


def standing_alone(
    matched: MatchedStars, usable: NDArray[np.bool_], max_neighbours_light: float, min_stars: int
) -> NDArray[np.bool_]:
    """Return which of the usable stars to take: like the PSF and with little light of neighbours.

    Where hardly any is like the PSF, or stands alone, those are taken that come nearest to it.

    Parameters
    ----------
    matched : MatchedStars of n rows
    usable : bool array of shape (n,)
    max_neighbours_light : float
        Relative to a star's own.
    min_stars : int
        Fewest to arrive at, as far as there are so many.

    Returns
    -------
    bool array of shape (n,)
    """
    enough = max(min_stars, _ENOUGH)
    like_psf = usable & matched.sources["is_star"]
    if like_psf.sum() < min(enough, usable.sum()):
        like_psf = usable
    neighbours = matched.neighbours[like_psf]
    if len(neighbours) == 0:
        return like_psf
    reached = float(np.sort(neighbours)[min(enough, len(neighbours)) - 1])
    alone: NDArray[np.bool_] = like_psf & (matched.neighbours <= max(max_neighbours_light, reached))
    return alone

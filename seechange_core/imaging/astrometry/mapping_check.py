"""Checking a given sky mapping against stars."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seechange_core.frames import SkyMapping, SourceTable, StarTable
from seechange_core.imaging.astrometry.pairing import mutual_pairs
from seechange_core.imaging.astrometry.star_astrometry import good_sources
from seechange_core.imaging.robust import scatter


@dataclass(frozen=True)
class StarOffsets:
    """How far stars are from where a mapping has them.

    Parameters
    ----------
    n_matched : int
        Stars with a source within the radius.
    offset_arcsec : float
        Length of the median offset; NaN without matches.
    scatter_arcsec : float
        Robust scatter along one axis: chance matches scatter by more than half the radius.
    """

    n_matched: int
    offset_arcsec: float
    scatter_arcsec: float


def offsets_of_stars(
    sources: SourceTable, stars: StarTable, mapping: SkyMapping, radius_arcsec: float, min_snr: float
) -> StarOffsets:
    """Measure the offsets between sources and the stars next to them."""
    usable = good_sources(sources, min_snr)
    scale = mapping.pixel_scale_arcsec
    x, y = mapping.sky_to_pixel(stars["ra"], stars["dec"])
    one, two = mutual_pairs(x, y, usable["x"], usable["y"], radius_arcsec / scale)
    if len(one) == 0:
        return StarOffsets(0, math.nan, math.nan)
    dx, dy = (usable["x"][two] - x[one]) * scale, (usable["y"][two] - y[one]) * scale
    spread = math.sqrt(0.5 * (scatter(dx) ** 2 + scatter(dy) ** 2))
    return StarOffsets(len(one), math.hypot(float(np.median(dx)), float(np.median(dy))), spread)

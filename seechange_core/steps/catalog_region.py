"""Which stars an image needs, rounded so that neighbouring images ask for the same excerpt."""

from __future__ import annotations

import math

import numpy as np

from seechange_core.api import CatalogRegion
from seechange_core.frames import SkyMapping
from seechange_core.frames.mapping import separation_deg

_STEP_DEG = 0.25


def region_of(
    mapping: SkyMapping, shape: tuple[int, int], margin_deg: float, magnitude_limit: float
) -> CatalogRegion:
    """Return a cone that holds an image and a margin, with centre and radius on a coarse grid.

    Parameters
    ----------
    mapping : SkyMapping
        Of the image, as far as known.
    shape : tuple of int
        Rows and columns.
    margin_deg : float
        How far beyond the image stars are wanted.
    magnitude_limit : float
        Faintest star wanted.
    """
    ra, dec, _ = circle_around(mapping, shape)
    grid_dec = min(max(_STEP_DEG * round(dec / _STEP_DEG), -90.0), 90.0)
    # Steps in right ascension of about the same length on the sky, a whole number of them around the circle.
    steps = max(1, math.floor(360.0 * math.cos(math.radians(grid_dec)) / _STEP_DEG))
    grid_ra = 360.0 / steps * (round(ra / 360.0 * steps) % steps)
    corners = mapping.footprint(shape)
    reach = float(np.max(separation_deg(grid_ra, grid_dec, *corners))) + margin_deg
    return CatalogRegion(
        round(grid_ra, 6), round(grid_dec, 6), _STEP_DEG * math.ceil(reach / _STEP_DEG), magnitude_limit
    )


def circle_around(mapping: SkyMapping, shape: tuple[int, int]) -> tuple[float, float, float]:
    """Return right ascension, declination and radius (deg) of a circle that holds an image."""
    ny, nx = shape
    middle_ra, middle_dec = mapping.pixel_to_sky([0.5 * (nx - 1)], [0.5 * (ny - 1)])
    ra, dec = float(middle_ra[0]), float(middle_dec[0])
    return ra, dec, float(np.max(separation_deg(ra, dec, *mapping.footprint(shape))))

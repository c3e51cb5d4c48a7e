"""What a pixel is worth in physical units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seechange_core.frames.arrays import Floats

#: AB magnitude of 1 nJy.
NJY_ZERO_POINT = 31.4


@dataclass(frozen=True)
class PhotometricSolution:
    """The zero point of an image: m(AB) = -2.5 log10(electrons of the exposure) + zero_point.

    Parameters
    ----------
    zero_point, zero_point_error : float
        Magnitude; the error is that of the mean.
    scatter : float
        Robust scatter of single stars about the solution (mag).
    n_stars : int
        Stars that were kept.
    filter : str
        Of the image.
    colour_term : float
        Magnitudes per magnitude of catalogue colour, as applied.
    catalog : str
        Name of the star catalogue.
    calibrated : bool
        False if no catalogue supports the number: fluxes must then not be called nJy.
    """

    zero_point: float
    zero_point_error: float
    scatter: float
    n_stars: int
    filter: str
    colour_term: float = 0.0
    catalog: str = ""
    calibrated: bool = True

    @property
    def njy_per_electron(self) -> float:
        """Factor from electrons of the exposure to nJy."""
        return math.pow(10.0, 0.4 * (NJY_ZERO_POINT - self.zero_point))

    def magnitude(self, flux_electron: Floats) -> Floats:
        """AB magnitudes of fluxes in electrons; NaN where the flux is not positive."""
        flux = np.asarray(flux_electron, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(flux > 0, -2.5 * np.log10(flux) + self.zero_point, np.nan)

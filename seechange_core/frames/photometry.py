"""What a pixel is worth in physical units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seechange_core.frames.arrays import Floats

#: AB magnitude of 1 nJy.
NJY_ZERO_POINT = 31.4
#: Nominal zero point of an exposure that others are relative to: its electrons are the unit of relative fluxes.
RELATIVE_ZERO_POINT = 25.0


def variation_terms(x: ArrayLike, y: ArrayLike, shape: tuple[int, int]) -> Floats:
    """Return Legendre's P1(u), P1(v), P2(u), P1(u) P1(v), P2(v) at positions, shape (n, 5).

    u and v run from -1 to 1 over the image, so that each term is zero in its mean.

    Parameters
    ----------
    x, y : array of shape (n,)
        Pixel.
    shape : tuple of int
        Rows and columns of the image.
    """
    u = (2.0 * np.atleast_1d(np.asarray(x, np.float64)) + 1.0) / shape[1] - 1.0
    v = (2.0 * np.atleast_1d(np.asarray(y, np.float64)) + 1.0) / shape[0] - 1.0
    return np.stack([u, v, 1.5 * u**2 - 0.5, u * v, 1.5 * v**2 - 0.5], axis=-1)


@dataclass(frozen=True)
class PhotometricSolution:
    """The zero point of an image: m(AB) = -2.5 log10(electrons of the exposure) + zero_point + variation.

    Parameters
    ----------
    zero_point, zero_point_error : float
        Magnitude, in the mean over the image; the error is that of the mean.
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
    relative_to : str
        Where it is not calibrated: the exposure whose zero point is taken to be `RELATIVE_ZERO_POINT`; empty if there
        is none. Fluxes of all images with the same one can be compared with each other.
    variation : tuple of float
        Coefficients (mag) of the first of `variation_terms`; none where the zero point is the same everywhere.
    shape : tuple of int
        Rows and columns of the image that `variation` is for.
    """

    zero_point: float
    zero_point_error: float
    scatter: float
    n_stars: int
    filter: str
    colour_term: float = 0.0
    catalog: str = ""
    calibrated: bool = True
    variation: tuple[float, ...] = ()
    shape: tuple[int, int] = (1, 1)
    relative_to: str = ""

    @property
    def flux_unit(self) -> str:
        """What fluxes are in after `flux_per_electron_at`: ``"nJy"``, ``"relative"`` or ``"electron"``.

        Relative ones are in electrons of the exposure `relative_to`; ``"electron"`` is of the image itself.
        """
        if self.calibrated:
            return "nJy"
        return "relative" if self.relative_to else "electron"

    def flux_per_electron_at(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Factors from electrons of the exposure to `flux_unit` at positions (pixel), shape (n,)."""
        if self.calibrated:
            return self.njy_per_electron_at(x, y)
        zero_points = self.zero_point_at(x, y)
        if not self.relative_to:
            return np.ones_like(zero_points)
        found: Floats = 10.0 ** (0.4 * (RELATIVE_ZERO_POINT - zero_points))
        return found

    @property
    def njy_per_electron(self) -> float:
        """Factor from electrons of the exposure to nJy, in the mean over the image."""
        return float(10.0 ** (0.4 * (NJY_ZERO_POINT - self.zero_point)))

    def zero_point_at(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Zero points (mag) at positions (pixel), shape (n,)."""
        terms = variation_terms(x, y, self.shape)[:, : len(self.variation)]
        found: Floats = self.zero_point + terms @ np.array(self.variation, np.float64)
        return found

    def njy_per_electron_at(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Factors from electrons of the exposure to nJy at positions (pixel), shape (n,)."""
        found: Floats = 10.0 ** (0.4 * (NJY_ZERO_POINT - self.zero_point_at(x, y)))
        return found

    def magnitude(self, flux_electron: Floats) -> Floats:
        """AB magnitudes of fluxes in electrons under the mean zero point; NaN where the flux is not positive."""
        flux = np.asarray(flux_electron, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(flux > 0, -2.5 * np.log10(flux) + self.zero_point, np.nan)

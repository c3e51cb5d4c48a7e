"""Fluxes of point sources at given positions, whether or not anything is seen there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seechange_core.frames import Floats, Mask, unusable

#: Half the side of the square in which the PSF is fitted; beyond, it holds next to no information.
RADIUS_FWHM = 2.0
#: No flux is given where more of the light than this falls on unusable pixels.
_MOST_MASKED = 0.5


@dataclass(frozen=True)
class SourcePixels:
    """The pixels around a source.

    Parameters
    ----------
    data, variance : array of shape (size, size)
        Of one unit and its square; NaN off the image.
    mask : array of shape (size, size)
        Bits of `MaskPlane`.
    profile : array of shape (size, size)
        The PSF at the position of the source.
    flux_error : float
        Error of a flux there as the subtraction gives it, which allows for errors of registration, PSF and flux ratio
        under bright light; NaN where there is none.
    """

    data: Floats
    variance: Floats
    mask: Mask
    profile: Floats
    flux_error: float = math.nan


@dataclass(frozen=True)
class ForcedFluxes:
    """One flux for each source.

    Parameters
    ----------
    flux, flux_error : array of shape (n,)
        In the unit of the pixels; 1 sigma. NaN where more than half of the light falls on unusable pixels.
    chi2 : array of shape (n,)
        Reduced chi-square of the fit.
    masked_fraction : array of shape (n,)
        Part of the light that falls on unusable pixels, 0 to 1.
    """

    flux: Floats
    flux_error: Floats
    chi2: Floats
    masked_fraction: Floats


def forced_fluxes(sources: Sequence[SourcePixels]) -> ForcedFluxes:
    """Fit the flux of the PSF, its position held.

    Notes
    -----
    Weights are the model variance, never the pixel's own noise, which would bias the flux by some per cent. A flux at a
    given position is not biased by the noise, as one at the brightest position is. Horne (1986), PASP 98, 609, eq. 8.
    The error is that of the fit, or that of the subtraction where this is larger.
    """
    measured = np.array([_fitted(source) for source in sources]).reshape(-1, 4)
    return ForcedFluxes(*measured.T)


def _fitted(source: SourcePixels) -> tuple[float, float, float, float]:
    with np.errstate(invalid="ignore"):
        good = ~unusable(source.mask) & np.isfinite(source.data) & (source.variance > 0)
    profile = source.profile
    masked = 1.0 - float(profile[good].sum() / profile.sum())
    if not masked <= _MOST_MASKED:
        return np.nan, np.nan, np.nan, min(max(masked, 0.0), 1.0)
    data, shape, weight = source.data[good], profile[good], 1.0 / source.variance[good]
    information = float((weight * shape**2).sum())
    flux = float((weight * shape * data).sum()) / information
    chi_square = float((weight * (data - flux * shape) ** 2).sum())
    error = float(np.fmax(information**-0.5, source.flux_error))
    return flux, error, chi_square / max(len(data) - 1, 1), max(masked, 0.0)

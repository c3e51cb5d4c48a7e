"""Everything that is measured on the pixels around a candidate, in electrons and pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Difference, Floats, MaskPlane, Stamps, unusable
from seechange_core.imaging.candidates.dipole import opposite_flux
from seechange_core.imaging.psf.point_source_fit import fit_psf
from seechange_core.imaging.sources.shape import aperture_weights, squared_distance, width_and_elongation
from seechange_core.imaging.stamps import cut, stamp_corners

_FIT_RADIUS_FWHM = 1.2
_NEIGHBOURHOOD_FWHM = 2.0
_DIPOLE_RADIUS_FWHM = 1.5
_CORE_RADIUS_FWHM = 0.5
_SIGNIFICANT_SIGMA = 2.0


def measure_candidates(difference: Difference, x: Floats, y: Floats) -> dict[str, NDArray[Any]]:
    """Measure candidates on a difference image.

    Flux and position come from a fit of the local PSF rather than from the flux image of the subtraction,
    which knows only whole pixels and cannot leave masked ones out.

    Parameters
    ----------
    difference : Difference
        With a PSF whose ``fwhm`` is known.
    x, y : array of shape (n,)
        First positions (pixel).

    Returns
    -------
    dict of arrays of shape (n,)
        Those columns of `MeasurementTable` that need no calibration; fluxes in electrons. NaN where too few
        pixels can be used.

    Raises
    ------
    ValueError
        If the FWHM of the PSF is not positive.
    """
    fwhm = difference.psf.fwhm
    if not fwhm > 0:
        raise ValueError(f"candidates cannot be measured: the FWHM of the difference's PSF is {fwhm}")
    size = 2 * math.ceil(_NEIGHBOURHOOD_FWHM * fwhm + 0.5) + 1
    corners = stamp_corners(x, y, size)
    data = cut(difference.data, *corners, size, np.nan).astype(np.float64)
    variance = cut(difference.variance, *corners, size, np.nan).astype(np.float64)
    mask = cut(difference.mask, *corners, size, MaskPlane.NO_DATA)
    with np.errstate(invalid="ignore"):
        good = ~unusable(mask) & np.isfinite(data) & np.isfinite(variance) & (variance > 0)
    data, variance = np.where(good, data, 0.0), np.where(good, variance, 1.0)

    about_middle = squared_distance(x - np.floor(x + 0.5), y - np.floor(y + 0.5), size)
    weight = np.where(good, 1.0 / variance, 0.0)
    fit_weight = np.where(about_middle <= (_FIT_RADIUS_FWHM * fwhm) ** 2, weight, 0.0)
    fit = fit_psf(data, fit_weight, difference.psf, x, y, largest_shift_pixel=fwhm)

    distance = squared_distance(fit.dx, fit.dy, size)
    near = distance <= (_NEIGHBOURHOOD_FWHM * fwhm) ** 2
    core = distance <= max(_CORE_RADIUS_FWHM * fwhm, 1.0) ** 2
    sign = np.where(fit.flux < 0, -1.0, 1.0)[:, None, None]
    light = sign * data
    significant = good & near & (data**2 > _SIGNIFICANT_SIGMA**2 * variance)
    residual = light - np.abs(fit.flux)[:, None, None] * fit.profile
    opposite = opposite_flux(residual, weight, fit.profile, _DIPOLE_RADIUS_FWHM * fwhm)
    aperture = np.where(good, aperture_weights(distance, fwhm), 0.0)
    aperture_flux, aperture_error = _aperture_flux(data, variance, aperture, fit.profile)
    width_ratio, elongation = width_and_elongation(light, fit.profile, good, fit.dx, fit.dy, fwhm)
    x_fit, y_fit = np.floor(x + 0.5) + fit.dx, np.floor(y + 0.5) + fit.dy
    ny, nx = difference.data.shape
    return {
        "x": x_fit,
        "y": y_fit,
        "x_error": fit.dx_error,
        "y_error": fit.dy_error,
        "flux": fit.flux,
        "flux_error": fit.flux_error,
        "aperture_flux": aperture_flux,
        "aperture_flux_error": aperture_error,
        "snr": _ratio(fit.flux, fit.flux_error),
        "chi2": fit.chi2,
        "misfit": fit.misfit,
        "width_ratio": width_ratio,
        "elongation": elongation,
        "peak_ratio": _ratio(
            np.where(good & core, light, 0.0).max(axis=(1, 2)),
            np.abs(fit.flux) * fit.profile.max(axis=(1, 2)),
        ),
        "dipole_fraction": _ratio(-opposite, np.abs(fit.flux)).clip(0.0, 1.0),
        "n_bad": (near & ~good).sum(axis=(1, 2)),
        "n_negative": (significant & (light < 0)).sum(axis=(1, 2)),
        "mask": np.bitwise_or.reduce(np.where(core, mask, 0), axis=(1, 2)),
        "edge_distance": np.minimum(np.minimum(x_fit, nx - 1 - x_fit), np.minimum(y_fit, ny - 1 - y_fit)),
    }


def light_in_stamps(stamps: Stamps, x: Floats, y: Floats, radius: float) -> tuple[Floats, Floats]:
    """Sum the light of new image and reference around positions, within a radius (pixel).

    Parameters
    ----------
    stamps : Stamps
        One triplet for each position.
    x, y : array of shape (n,)
        On the image (pixel).
    radius : float
        Of the aperture (pixel).

    Returns
    -------
    new, ref : array of shape (n,)
        Electrons; pixels off the image count as dark.
    """
    middle = stamps.size // 2
    distance = squared_distance(x - stamps.corner_x - middle, y - stamps.corner_y - middle, stamps.size)
    aperture = aperture_weights(distance, radius)
    new, ref = (np.nansum(aperture * plane, axis=(1, 2)) for plane in (stamps.new, stamps.ref))
    return new, ref


def _aperture_flux(
    data: Floats, variance: Floats, aperture: Floats, profile: Floats
) -> tuple[Floats, Floats]:
    """Flux in an aperture, divided by the part of the PSF that falls on its usable pixels; and its error."""
    fraction = (aperture * profile).sum(axis=(1, 2))
    error = np.sqrt((aperture**2 * variance).sum(axis=(1, 2)))
    return _ratio((aperture * data).sum(axis=(1, 2)), fraction), _ratio(error, fraction)


def _ratio(upper: Floats, lower: Floats) -> Floats:
    """Quotient; NaN where nothing can be divided by."""
    result: Floats = np.full(np.shape(upper), np.nan)
    return np.divide(upper, lower, out=result, where=np.isfinite(lower) & (lower != 0))

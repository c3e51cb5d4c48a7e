"""Everything that is measured on the pixels around a candidate, in electrons and pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Difference, Floats, MaskPlane, Pixels, Stamps, unusable
from seechange_core.imaging.candidates.adaptive_moments import adaptive_moments
from seechange_core.imaging.candidates.dipole_fit import fit_dipole
from seechange_core.imaging.candidates.opposite_source import opposite_source
from seechange_core.imaging.psf.point_source_fit import fit_psf
from seechange_core.imaging.sources.shape import aperture_weights, squared_distance, width_and_elongation
from seechange_core.imaging.stamps import cut, stamp_corners

#: Radii of the apertures (FWHM); the flux in the one of 1 FWHM has a column of its own.
APERTURE_RADII_FWHM = (0.5, 1.0, 1.5, 2.0)
_FIT_RADIUS_FWHM = 1.2
#: Candidates on whose pixels is worked at the same time: each takes some 100 kB.
_AT_ONCE = 1000
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
        Those columns of `MeasurementTable` that need neither calibration nor other images; fluxes in electrons. NaN
        where too few pixels can be used. ``aperture_fluxes`` and ``aperture_flux_errors`` have shape (n, 4), one for
        each of `APERTURE_RADII_FWHM`.

    Raises
    ------
    ValueError
        If the FWHM of the PSF is not positive.
    """
    if not difference.psf.fwhm > 0:
        raise ValueError(
            f"candidates cannot be measured: the FWHM of the difference's PSF is {difference.psf.fwhm}"
        )
    parts = [
        _measured_together(difference, x[start : start + _AT_ONCE], y[start : start + _AT_ONCE])
        for start in range(0, max(len(x), 1), _AT_ONCE)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _measured_together(difference: Difference, x: Floats, y: Floats) -> dict[str, NDArray[Any]]:
    psf, fwhm = difference.psf, difference.psf.fwhm
    size = 2 * math.ceil(_NEIGHBOURHOOD_FWHM * fwhm + 0.5) + 1
    corners = stamp_corners(x, y, size)
    middle_x, middle_y = np.floor(x + 0.5), np.floor(y + 0.5)
    data = cut(difference.data, *corners, size, np.nan).astype(np.float64)
    variance = cut(difference.variance, *corners, size, np.nan).astype(np.float64)
    mask = cut(difference.mask, *corners, size, MaskPlane.NO_DATA)
    with np.errstate(invalid="ignore"):
        good = ~unusable(mask) & np.isfinite(data) & np.isfinite(variance) & (variance > 0)
    data, variance = np.where(good, data, 0.0), np.where(good, variance, 1.0)

    about_middle = squared_distance(x - middle_x, y - middle_y, size)
    weight = np.where(good, 1.0 / variance, 0.0)
    fit_weight = np.where(about_middle <= (_FIT_RADIUS_FWHM * fwhm) ** 2, weight, 0.0)
    rim = size // 2 - math.ceil(_FIT_RADIUS_FWHM * fwhm)
    inner = (slice(None), slice(rim, size - rim), slice(rim, size - rim))
    fit = fit_psf(data[inner], fit_weight[inner], psf, x, y, largest_shift_pixel=fwhm)
    x_fit, y_fit = middle_x + fit.dx, middle_y + fit.dy
    # The fitted position may lie in another pixel than the middle one of its stamp.
    rows, columns = (psf.resampling(phase, size) for phase in (fit.dy, fit.dx))
    profile = rows @ psf.samples(x, y) @ columns.transpose(0, 2, 1)

    distance = squared_distance(fit.dx, fit.dy, size)
    near = distance <= (_NEIGHBOURHOOD_FWHM * fwhm) ** 2
    core = distance <= max(_CORE_RADIUS_FWHM * fwhm, 1.0) ** 2
    light = np.where(fit.flux < 0, -1.0, 1.0)[:, None, None] * data
    residual = light - np.abs(fit.flux)[:, None, None] * profile
    opposite, dx, dy = opposite_source(residual, weight, profile, _DIPOLE_RADIUS_FWHM * fwhm)
    dipole = fit_dipole(
        light,
        np.where(near, weight, 0.0),
        psf,
        np.stack([middle_x, middle_y], axis=1),
        np.stack([x_fit, y_fit], axis=1),
        np.stack([x_fit + dx, y_fit + dy], axis=1),
        fwhm,
    )
    apertures = [
        _aperture_flux(
            data, variance, np.where(good, aperture_weights(distance, radius * fwhm), 0.0), profile
        )
        for radius in APERTURE_RADII_FWHM
    ]
    aperture_fluxes, aperture_flux_errors = (
        np.stack(values, axis=1) for values in zip(*apertures, strict=True)
    )
    one_fwhm = APERTURE_RADII_FWHM.index(1.0)
    width_ratio, elongation = width_and_elongation(light, profile, good, fit.dx, fit.dy, fwhm)
    moments = adaptive_moments(light, good, fit.dx, fit.dy, fwhm)
    psf_moments = adaptive_moments(profile, good, fit.dx, fit.dy, fwhm)
    significant = good & near & (data**2 > _SIGNIFICANT_SIGMA**2 * variance)
    ny, nx = difference.data.shape
    return {
        "x": x_fit,
        "y": y_fit,
        "x_error": fit.dx_error,
        "y_error": fit.dy_error,
        "flux": fit.flux,
        "flux_error": fit.flux_error,
        "aperture_flux": aperture_fluxes[:, one_fwhm],
        "aperture_flux_error": aperture_flux_errors[:, one_fwhm],
        "aperture_fluxes": aperture_fluxes,
        "aperture_flux_errors": aperture_flux_errors,
        "snr": _ratio(fit.flux, fit.flux_error),
        "chi2": fit.chi2,
        "misfit": fit.misfit,
        "width_ratio": width_ratio,
        "elongation": elongation,
        "moment_xx": moments[:, 0],
        "moment_yy": moments[:, 1],
        "moment_xy": moments[:, 2],
        "adaptive_width_ratio": np.sqrt(
            _ratio(moments[:, 0] + moments[:, 1], psf_moments[:, 0] + psf_moments[:, 1])
        ),
        "peak_ratio": _ratio(
            np.where(good & core, light, 0.0).max(axis=(1, 2)),
            np.abs(fit.flux) * profile.max(axis=(1, 2)),
        ),
        "dipole_fraction": _ratio(-opposite, np.abs(fit.flux)).clip(0.0, 1.0),
        "dipole_flux": dipole.flux,
        "dipole_opposite_flux": dipole.opposite_flux,
        "dipole_separation": dipole.separation,
        "dipole_chi2_gain": dipole.chi2_gain,
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


def highest_around(plane: Pixels, x: Floats, y: Floats) -> Floats:
    """Return the highest of the 3 x 3 pixels around positions; NaN where none has a value."""
    around = cut(plane, *stamp_corners(x, y, 3), 3, np.nan).reshape(-1, 9)
    highest: Floats = np.fmax.reduce(around, axis=1).astype(np.float64)
    return highest


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

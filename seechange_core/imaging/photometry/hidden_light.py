"""The light of neighbours that a star hides, which all stars of a crowded field have in common."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from seechange_core.frames import Floats

#: Moffat's exponent of the profile that stands for the PSF.
_BETA = 2.5
_REACH_FWHM = 4.0
_STEPS_PER_FWHM = 20
#: Places on each axis of the image at which stars are tried.
_PLACES = 50


def hidden_light(
    star_fluxes: Floats,
    x: Floats,
    y: Floats,
    flux: Floats,
    fwhm: float,
    shape: tuple[int, int],
    sky_variance: float,
) -> Floats:
    """Estimate the light of hidden neighbours in the PSF fluxes of stars, by putting each star elsewhere in the image.

    There it would hide the sources whose peak is below its own profile at their place, and its flux would have that
    part of their light that the weights of the PSF fit take in.

    Parameters
    ----------
    star_fluxes : array of shape (n,)
        Of the stars (electron).
    x, y, flux : array of shape (m,)
        The sources of the image (pixel; electron).
    fwhm : float
        Of the PSF (pixel).
    shape : tuple of int
        Rows and columns of the image.
    sky_variance : float
        Of a pixel of empty sky (electron^2).

    Returns
    -------
    array
        Hidden light relative to the star's own, at 50 x 50 places; the stars take turns.

    Notes
    -----
    The response of a flux to light at a distance is the PSF over the variance, of which the star's own light is a part:
    the brighter a star, the farther out (Horne 1986, PASP 98, 609, eq. 8). What is too faint to be seen anywhere counts
    as sky and is left out.
    """
    across = (np.arange(_PLACES) + 0.5) / _PLACES
    place_y, place_x = np.meshgrid(across * shape[0] - 0.5, across * shape[1] - 0.5, indexing="ij")
    places = np.stack([place_x.ravel(), place_y.ravel()], axis=1)
    star = np.resize(np.arange(len(star_fluxes)), len(places))
    seen = np.isfinite(x + y + flux) & (flux > 0)
    found = np.zeros(len(places))
    if not seen.any() or not len(star_fluxes):
        return found
    sources = cKDTree(np.stack([x[seen], y[seen]], axis=1))
    pairs = cKDTree(places).sparse_distance_matrix(sources, _REACH_FWHM * fwhm, output_type="ndarray")
    own = np.asarray(star_fluxes, np.float64)[star[pairs["i"]]]
    relative = flux[seen][pairs["j"]] / own
    profile = _profile(pairs["v"], fwhm)
    hidden = relative < profile
    response = (
        _weight(profile, own, fwhm, sky_variance) / _norm(star_fluxes, fwhm, sky_variance)[star[pairs["i"]]]
    )
    np.add.at(found, pairs["i"][hidden], (response * relative)[hidden])
    return found


def _profile(distance: Floats, fwhm: float) -> Floats:
    """Return the PSF relative to its peak."""
    profile: Floats = (1.0 + (distance / _core(fwhm)) ** 2) ** -_BETA
    return profile


def _core(fwhm: float) -> float:
    return float(0.5 * fwhm / np.sqrt(2.0 ** (1.0 / _BETA) - 1.0))


def _weight(profile: Floats, star_flux: Floats, fwhm: float, sky_variance: float) -> Floats:
    """Return the weight of the PSF fit: the PSF, 1 in its sum, over the variance."""
    psf = profile * (_BETA - 1.0) / (np.pi * _core(fwhm) ** 2)
    weight: Floats = psf / (sky_variance + star_flux * psf)
    return weight


def _norm(star_fluxes: Floats, fwhm: float, sky_variance: float) -> Floats:
    """Return by star the sum of the weight over the PSF itself, so that its own light counts once."""
    distance = (np.arange(_REACH_FWHM * _STEPS_PER_FWHM) + 0.5) * fwhm / _STEPS_PER_FWHM
    ring = 2.0 * np.pi * distance * fwhm / _STEPS_PER_FWHM
    profile = _profile(distance, fwhm)
    psf = profile * (_BETA - 1.0) / (np.pi * _core(fwhm) ** 2)
    weight = _weight(profile, np.asarray(star_fluxes, np.float64)[:, None], fwhm, sky_variance)
    norm: Floats = (weight * psf * ring).sum(axis=1)
    return norm

"""Neighbours of PSF stars that were not detected on their own, found on what the stars leave."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Floats, PsfModel
from seechange_core.imaging.matched_filter import gaussian_profile
from seechange_core.imaging.peaks import local_maxima
from seechange_core.imaging.psf.pixel_grid_psf import StarStamps

_THRESHOLD_SIGMA = 7.0
# Of the star's light in a pixel, which the first PSF may have wrong.
_MODEL_ERROR = 0.2
# Nearer in, a neighbour and an error of the PSF look alike; there the star itself is rejected as no single star.
_NEAREST_FWHM = 1.5


def hidden_neighbours(stars: StarStamps, psf: PsfModel) -> Floats:
    """Find point sources in the stamps of stars beyond the stars themselves.

    Parameters
    ----------
    stars : StarStamps
        With positions and fluxes; known neighbours are masked.
    psf : PsfModel
        First model.

    Returns
    -------
    array of shape (n, 2)
        Positions x, y (pixel).

    Notes
    -----
    The matched filter of `matched_filter.significance` on the residual, with an error for the first model's own.
    """
    size = stars.light.shape[-1]
    light = stars.flux[:, None, None] * psf.stamps(stars.x, stars.y, size)
    variance = stars.variance + (_MODEL_ERROR * light) ** 2
    weight = np.where(stars.good, 1.0 / variance, 0.0)
    signal = _filtered(weight * (stars.light - light), psf.fwhm, squared=False)
    information = _filtered(weight, psf.fwhm, squared=True)
    usable = stars.good & (information > 0)
    significance = np.where(usable, signal / np.sqrt(np.where(usable, information, 1.0)), 0.0)
    # An error of the PSF shows on several sides of the star, a neighbour on one.
    elsewhere = np.max([np.rot90(significance, turns, axes=(1, 2)) for turns in (1, 2, 3)], axis=0)
    significance -= elsewhere.clip(0.0)
    corners = np.floor(np.stack([stars.x, stars.y], axis=1) + 0.5) - size // 2
    found = [np.empty((0, 2))]
    for number in np.flatnonzero(significance.max(axis=(1, 2)) > _THRESHOLD_SIGMA):
        rows, columns = local_maxima(significance[number].astype(np.float32), _THRESHOLD_SIGMA)
        position = corners[number] + np.stack([columns, rows], axis=1)
        distance = np.hypot(*(position - (stars.x[number], stars.y[number])).T)
        found.append(position[distance > _NEAREST_FWHM * psf.fwhm])
    return np.concatenate(found)


def _filtered(stamps: Floats, fwhm: float, *, squared: bool) -> Floats:
    """Convolve each stamp with a Gaussian, or with its square."""
    size = stamps.shape[-1]
    half = gaussian_profile(fwhm).astype(np.float64) ** (2 if squared else 1)
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    matrix = np.where(distance < len(half), half[distance.clip(0, len(half) - 1)], 0.0)
    filtered: Floats = matrix @ stamps @ matrix
    return filtered

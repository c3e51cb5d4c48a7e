"""The significance of a point source at each pixel of a difference whose algorithm gives no score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.fft import irfft2, rfft2

from seechange_core.frames import Difference, Pixels, unusable
from seechange_core.imaging.masked_pixels import grown
from seechange_core.imaging.subtraction.filtered_difference import transformed_psf
from seechange_core.imaging.tiles import tiles

_TILE = 512
_LEAST_WEIGHT = 0.01


def with_score(difference: Difference) -> Difference:
    """Return a difference with score and flux error, which are computed where the algorithm gives none."""
    if difference.score is not None:
        return difference
    score, flux_error = point_source_score(difference)
    return replace(difference, score=score, flux_error=flux_error)


def point_source_score(difference: Difference) -> tuple[Pixels, Pixels]:
    """Fit the PSF at every pixel, weighted with the variance; unusable pixels have no weight.

    Parameters
    ----------
    difference : Difference
        Its noise is taken as uncorrelated.

    Returns
    -------
    score, flux_error : array of shape (ny, nx), float32
        Sigma, electron; NaN where an unusable pixel lies within half a FWHM.

    Notes
    -----
    ``flux = sum(d p / v) / sum(p^2 / v)``, ``flux error = 1 / sqrt(sum(p^2 / v))``; Horne (1986), PASP 98, 609, eq. 8.
    """
    data, variance, psf = difference.data, difference.variance, difference.psf
    bad = unusable(difference.mask) | ~(np.isfinite(data) & np.isfinite(variance) & (variance > 0))
    weight = np.where(bad, 0, 1 / np.where(bad, 1, variance)).astype(np.float32)
    weighted = np.where(bad, 0, data) * weight
    border = psf.size // 2 + 1
    score, flux_error = np.empty(data.shape, np.float32), np.empty(data.shape, np.float32)
    for tile in tiles(data.shape, _TILE, border):
        profile = transformed_psf(psf, *tile.centre, tile.side)
        squared = rfft2(irfft2(profile, tile.side) ** 2)
        signal = irfft2(rfft2(tile.cut(weighted)) * np.conj(profile), tile.side)[tile.inside]
        information = irfft2(rfft2(tile.cut(weight)) * np.conj(squared), tile.side)[tile.inside]
        floor = max(_LEAST_WEIGHT * float(information.max()), float(np.finfo(np.float32).tiny))
        information = np.maximum(information, np.float32(floor))
        error = 1 / np.sqrt(information)
        score[tile.inner.slices] = signal * error
        flux_error[tile.inner.slices] = error
    hidden = grown(bad, psf.fwhm / 2)
    score[hidden], flux_error[hidden] = np.nan, np.nan
    return score, flux_error

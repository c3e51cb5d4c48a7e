"""Stars told from galaxies by the light that a source has beyond its PSF."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Floats
from seechange_core.imaging.robust import excess_scatter

_LEAST_SNR = 50.0
_FEWEST_STARS = 5
# Stars that show how wrong the PSF is: not wider or narrower than it by more than this part of its variance, and noise.
_STARLIKE = 0.1
_STARLIKE_SIGMA = 4.0
# No PSF is better than this, of its variance: stars of other colours and fluxes have others.
_LEAST_WIDTH_ERROR = 0.01


def extension(extent: Floats, extent_error: Floats, snr: Floats, psf_variance: float) -> Floats:
    """Return how significantly sources are wider than the PSF: about 0 with scatter 1 for stars, above for galaxies.

    Parameters
    ----------
    extent, extent_error : array of shape (n,)
        As in `psf.photometry.PointSources` (pixel^2).
    snr : array of shape (n,)
        Flux divided by its error.
    psf_variance : float
        Along one axis (pixel^2).

    Returns
    -------
    array of shape (n,)
        Sigma; NaN where the extent is NaN.

    Notes
    -----
    The square is twice the logarithm of the likelihood ratio between a slightly widened PSF and the PSF itself, where
    the PSF's own error, as the bright stars of the image show it, counts as noise.
    """
    with np.errstate(invalid="ignore"):
        stars = (snr >= _LEAST_SNR) & (
            np.abs(extent) <= _STARLIKE_SIGMA * extent_error + _STARLIKE * psf_variance
        )
    width_error = _STARLIKE / _STARLIKE_SIGMA * psf_variance
    if np.count_nonzero(stars) >= _FEWEST_STARS:
        scatter = excess_scatter(extent[stars], extent_error[stars])
        width_error = max(_LEAST_WIDTH_ERROR * psf_variance, scatter)
    result: Floats = extent / np.hypot(extent_error, width_error)
    return result

"""How much light of its neighbours a star's flux holds."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from seechange_core.frames import Floats

#: Beyond this a neighbour's light counts for less than a part in a thousand.
_REACH_FWHM = 5.0
#: How fast the overlap of two stars falls with their distance: two Moffat profiles with wings like those of the sky.
_CORE_FWHM, _EXPONENT = 0.75, 2.5


def neighbours_light(
    x: Floats, y: Floats, flux: Floats, x_others: Floats, y_others: Floats, flux_others: Floats, fwhm: float
) -> Floats:
    """Estimate the light of others in the PSF fluxes of stars, relative to the stars' own.

    Parameters
    ----------
    x, y, flux : array of shape (n,)
        Stars (pixel; any unit).
    x_others, y_others, flux_others : array of shape (m,)
        All sources known, the stars among them: what is at the place of a star to a thousandth of a pixel is itself.
    fwhm : float
        Of the PSF (pixel).

    Returns
    -------
    array of shape (n,)
        0 for a star alone; 1 where as much light comes from others. NaN fluxes count as 0.
    """
    found = np.zeros(len(x))
    if len(x) == 0 or len(x_others) == 0:
        return found
    finite = np.isfinite(x_others + y_others)
    others = np.stack([x_others[finite], y_others[finite]], axis=1)
    light = np.nan_to_num(np.maximum(flux_others[finite], 0.0))
    stars = cKDTree(np.stack([x, y], axis=1))
    pairs = stars.sparse_distance_matrix(cKDTree(others), _REACH_FWHM * fwhm, output_type="ndarray")
    pairs = pairs[pairs["v"] > 1e-3]
    overlap = (1.0 + (pairs["v"] / (_CORE_FWHM * fwhm)) ** 2) ** -_EXPONENT
    np.add.at(found, pairs["i"], overlap * light[pairs["j"]])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(flux > 0, found / flux, np.inf)

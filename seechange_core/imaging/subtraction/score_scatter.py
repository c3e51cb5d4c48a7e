"""Whether the noise of a difference image is what it is said to be."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Difference, Floats, unusable
from seechange_core.imaging.masked_pixels import grown
from seechange_core.imaging.robust import scatter

_RADIUS_FWHM = 2.5
# Scores of neighbours are nearly the same.
_SAMPLE = np.s_[::3, ::3]


def score_scatter(difference: Difference, x: Floats, y: Floats) -> float:
    """Return the robust standard deviation of the score on empty sky.

    Parameters
    ----------
    difference : Difference
        With a score.
    x, y : array of shape (n,)
        Positions of known sources (pixel); pixels within 2.5 FWHM of one are left out.

    Returns
    -------
    float
        NaN if no pixel is left or there is no score.
    """
    if difference.score is None:
        return float("nan")
    ny, nx = difference.score.shape
    near_source = np.zeros((ny, nx), bool)
    column, row = (np.floor(values + 0.5).astype(np.intp) for values in (x, y))
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    near_source[row[inside], column[inside]] = True
    near_source = grown(near_source, _RADIUS_FWHM * difference.psf.fwhm)
    score = difference.score[_SAMPLE]
    empty = np.isfinite(score) & ~near_source[_SAMPLE] & ~unusable(difference.mask[_SAMPLE])
    return scatter(score[empty])

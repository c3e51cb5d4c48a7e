"""What a subtraction leaves of bright stars, and how faint a source it would show."""

from __future__ import annotations

from typing import Any

import numpy as np

from seechange_core.frames import Difference, SourceTable, unusable
from seechange_core.imaging.robust import scatter

_LEAST_SNR = 100.0
_FEWEST_STARS = 5
_SIGNIFICANT_SIGMA = 5.0
_LIMIT_SIGMA = 5.0
#: Every so many rows and columns are enough for a median.
_STRIDE = 8


def star_residuals(difference: Difference, sources: SourceTable) -> dict[str, Any]:
    """Return metrics of what is left of bright stars.

    Parameters
    ----------
    difference : Difference
        With score and flux.
    sources : SourceTable
        Of the new image. Its stars above 100 sigma with usable pixels are looked at.

    Returns
    -------
    dict
        ``n_bright_stars``; where there are at least five: ``star_residual``, the median of the PSF flux that is left
        divided by the star's, and ``star_residual_scatter``, the robust scatter of that over the stars, noise included;
        ``star_residual_significant``, the part of the stars that are left at more than 5 sigma of either sign: the most
        frequent false candidates.
    """
    if difference.score is None or difference.flux_error is None:
        return {}
    stars = sources.rows(sources["is_star"] & (sources["snr"] >= _LEAST_SNR) & ~unusable(sources["mask"]))
    ny, nx = difference.score.shape
    column, row = (np.floor(stars[name] + 0.5).astype(np.intp) for name in ("x", "y"))
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    column, row, flux = column[inside], row[inside], stars["flux"][inside]
    score = difference.score[row, column]
    left = score * difference.flux_error[row, column] / flux
    known = np.isfinite(left) & np.isfinite(score)
    metrics: dict[str, Any] = {"n_bright_stars": int(np.count_nonzero(known))}
    if metrics["n_bright_stars"] < _FEWEST_STARS:
        return metrics
    return {
        **metrics,
        "star_residual": float(np.median(left[known])),
        "star_residual_scatter": scatter(left[known]),
        "star_residual_significant": float(np.mean(np.abs(score[known]) > _SIGNIFICANT_SIGMA)),
    }


def difference_limiting_flux(difference: Difference) -> float | None:
    """Return the flux (electron) of a source at 5 sigma where a difference is as noisy as in its median.

    None if the algorithm gives no errors of fluxes, or no pixel is usable.
    """
    if difference.flux_error is None:
        return None
    errors = difference.flux_error[::_STRIDE, ::_STRIDE]
    usable = errors[np.isfinite(errors) & ~unusable(difference.mask[::_STRIDE, ::_STRIDE])]
    return float(_LIMIT_SIGMA * np.median(usable)) if usable.size else None

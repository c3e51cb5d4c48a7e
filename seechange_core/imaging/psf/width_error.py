"""How far the widths of stars are off the PSF, beyond their noise."""

from __future__ import annotations

from seechange_core.frames import SourceTable, unusable
from seechange_core.imaging.robust import excess_scatter

_LEAST_SNR = 50.0
_FEWEST_STARS = 5


def psf_width_error(sources: SourceTable) -> float:
    """Return the error of a PSF's width, as the stars of the same image show it.

    Parameters
    ----------
    sources : SourceTable
        As the extraction measures it, with ``extent`` and ``extent_error``.

    Returns
    -------
    float
        1 sigma of the PSF's variance along one axis (pixel^2); 0 where fewer than five stars, or a table without
        these columns, cannot tell.
    """
    if "extent" not in sources:
        return 0.0
    stars = sources.rows(sources["is_star"] & (sources["snr"] >= _LEAST_SNR) & ~unusable(sources["mask"]))
    if stars.n_rows < _FEWEST_STARS:
        return 0.0
    return excess_scatter(stars["extent"], stars["extent_error"])

"""The filters of proper image subtraction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seechange_core.frames import AlignedPair, Difference
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair, cleaned_pair, without_background
from seechange_core.imaging.subtraction.filtered_difference import (
    Filters,
    NoiseTerms,
    filtered_difference,
    transformed_psf,
)
from seechange_zogy import ZogyParams
from seechange_zogy.whitening import whitened


def proper_difference(pair: AlignedPair, params: ZogyParams) -> Difference:
    """Subtract a reference from a new image, both with known PSF and noise.

    Parameters
    ----------
    pair : AlignedPair
        Both images on one grid.
    params : ZogyParams
        Sizes, limits and error terms.

    Returns
    -------
    Difference
        With score, flux and flux error. The noise of its data is white where both images have only sky. The score
        allows for the errors of registration and of the PSFs' widths that the pair comes with.

    Raises
    ------
    Rejected
        If too few pixels are usable in both images.

    Notes
    -----
    Zackay, Ofek & Gal-Yam (2016), ApJ 830, 27: difference (eq. 13), its PSF (eq. 14) and zero point (eq. 15), score
    with corrections for source noise and registration (eqs. 25 to 29).
    """
    cleaned = cleaned_pair(pair, fill_error=params.fill_error, min_usable_fraction=params.min_usable_fraction)
    metrics = {"usable_fraction": round(cleaned.usable_fraction, 4)}
    cleaned = without_background(cleaned)
    metrics["sky_difference_electron"] = round(cleaned.sky_difference, 4)
    floor = params.min_registration_error
    x_error, y_error = (float(np.hypot(error, floor)) for error in pair.registration_error)
    difference = filtered_difference(
        cleaned,
        _ProperFilters(cleaned),
        NoiseTerms(
            (x_error, y_error),
            float(np.hypot(params.relative_error, pair.flux_ratio_error)),
            pair.width_error,
        ),
        tile=params.tile,
        border=params.border,
        translient=params.translient,
    )
    return replace(difference, metrics=metrics)


class _ProperFilters:
    """ZOGY's filters for images of one scale: each is filtered with the other's PSF, then the noise is whitened."""

    def __init__(self, pair: CleanedPair) -> None:
        self._pair = pair
        # Dividing by F_D = 1 / sqrt(V_n + V_r) brings the difference to electrons of the new image.
        total = pair.new_noise**2 + pair.ref_noise**2
        self._new_share = np.float32(pair.new_noise**2 / total)
        self._ref_share = np.float32(pair.ref_noise**2 / total)

    def __call__(self, x: float, y: float, shape: tuple[int, int]) -> Filters:
        new_psf = transformed_psf(self._pair.new_psf, x, y, shape)
        ref_psf = transformed_psf(self._pair.ref_psf, x, y, shape)
        return Filters(*whitened(new_psf, ref_psf, self._new_share, self._ref_share))

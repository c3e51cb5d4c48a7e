"""The filters of proper image subtraction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seechange_core.frames import AlignedPair, Difference, Floats, Frame, PsfModel
from seechange_core.imaging.subtraction.added_light import with_added_light
from seechange_core.imaging.subtraction.cleaned_pair import cleaned_pair, noise_levels, without_background
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
        ProperFilters(cleaned.new_psf, cleaned.ref_psf, cleaned.new_noise, cleaned.ref_noise),
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


def difference_with_light(
    difference: Difference, pair: AlignedPair, after: Frame, x: Floats, y: Floats, params: ZogyParams
) -> Difference:
    """Return the proper difference of a pair whose new image has light added; see `Subtractor.with_light`."""
    (new_psf, ref_psf), noise = pair.psfs(), noise_levels(pair)
    filters = ProperFilters(new_psf, ref_psf, *noise)
    reach = new_psf.size // 2
    return with_added_light(
        difference, pair.new, after, x, y, filters, noise, reach=reach, border=params.border
    )


class ProperFilters:
    """ZOGY's filters for images of one scale: each is filtered with the other's PSF, then the noise is whitened.

    Parameters
    ----------
    new_psf, ref_psf : PsfModel
        Of both images.
    new_noise, ref_noise : float
        Typical noise of a pixel (electron).
    """

    def __init__(self, new_psf: PsfModel, ref_psf: PsfModel, new_noise: float, ref_noise: float) -> None:
        self._new_psf, self._ref_psf = new_psf, ref_psf
        # Dividing by F_D = 1 / sqrt(V_n + V_r) brings the difference to electrons of the new image.
        total = new_noise**2 + ref_noise**2
        self._new_share = np.float32(new_noise**2 / total)
        self._ref_share = np.float32(ref_noise**2 / total)

    def __call__(self, x: float, y: float, shape: tuple[int, int]) -> Filters:
        """Return the filters of a place; see `FilterSource`."""
        new_psf = transformed_psf(self._new_psf, x, y, shape)
        ref_psf = transformed_psf(self._ref_psf, x, y, shape)
        return Filters(*whitened(new_psf, ref_psf, self._new_share, self._ref_share))

"""Subtraction with a fitted kernel, from choosing stamps to the difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seechange_alardlupton import AlardLuptonParams
from seechange_alardlupton.kernel_basis import kernel_basis
from seechange_alardlupton.kernel_fit import KernelModel, fit_kernel
from seechange_alardlupton.stamp_sums import stamp_sums
from seechange_alardlupton.stamps import choose_stamps
from seechange_core.api import Rejected
from seechange_core.frames import AlignedPair, Difference
from seechange_core.frames.polynomial import exponents
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair, cleaned_pair, without_background
from seechange_core.imaging.subtraction.convolved_pair import WhiteningFilters, new_is_convolved
from seechange_core.imaging.subtraction.filtered_difference import NoiseTerms, filtered_difference
from seechange_core.imaging.subtraction.unknown_psf import with_measured_psfs

_STAMPS_PER_TERM = 6
_STAMP_HALF_FWHM = 2.5
_LEAST_STAMP_HALF = 12


def kernel_difference(pair: AlignedPair, params: AlardLuptonParams) -> Difference:
    """Subtract a reference from a new image, the sharper of the two convolved to match the other.

    Parameters
    ----------
    pair : AlignedPair
        Both images on one grid. Their PSFs say which is sharper, and what a source in the difference looks like; the
        kernel comes from the pixels alone.
    params : AlardLuptonParams
        Basis, stamps, limits.

    Returns
    -------
    Difference
        With score, flux and flux error, whose noise follows the kernel.

    Raises
    ------
    Rejected
        If too few pixels or stamps are usable in both images.

    Notes
    -----
    Alard & Lupton (1998), ApJ 503, 325; Alard (2000), A&AS 144, 363.
    """
    cleaned = cleaned_pair(
        with_measured_psfs(pair), fill_error=params.fill_error, min_usable_fraction=params.min_usable_fraction
    )
    metrics: dict[str, Any] = {"usable_fraction": round(cleaned.usable_fraction, 4)}
    cleaned = without_background(cleaned)
    convolve_new = new_is_convolved(cleaned, params.convolve)
    model = _matching_kernel(cleaned, convolve_new, params, metrics)
    metrics |= {
        "convolved": "new" if convolve_new else "reference",
        "n_stamps": int(np.count_nonzero(model.kept)),
        "n_clipped_stamps": int(np.count_nonzero(~model.kept)),
        "spatial_degree": model.degree,
        "kernel_sum": round(model.flux_scale, 5),
        "stamp_chi2": round(model.chi2, 3),
    }
    floor = params.min_registration_error
    x_error, y_error = (float(np.hypot(error, floor)) for error in pair.registration_error)
    difference = filtered_difference(
        cleaned,
        WhiteningFilters(model.kernel, cleaned, convolve_new),
        NoiseTerms((x_error, y_error), params.relative_error),
        tile=params.tile,
        border=max(params.border, 2 * model.basis.half),
    )
    return replace(difference, metrics=metrics)


def _matching_kernel(
    pair: CleanedPair, convolve_new: bool, params: AlardLuptonParams, metrics: dict[str, Any]
) -> KernelModel:
    new, ref = pair.new.whole(), pair.ref.whole()
    image, target = (new, ref) if convolve_new else (ref, new)
    widths = pair.new_psf.fwhm, pair.ref_psf.fwhm
    narrow, wide = widths if convolve_new else widths[::-1]
    basis = kernel_basis(narrow, wide, params.degrees)
    half = max(round(_STAMP_HALF_FWHM * max(widths)), _LEAST_STAMP_HALF)
    x, y = choose_stamps(new, ref, pair, half, min_snr=params.min_stamp_snr, per_cell=params.stamps_per_cell)
    if len(x) < params.min_stamps:
        raise Rejected(
            f"{len(x)} stamps with a peak above {params.min_stamp_snr:g} sigma and usable surroundings; "
            f"at least {params.min_stamps} are needed (alardlupton.min_stamps)",
            metrics | {"n_stamps": len(x)},
        )
    degree = params.spatial_degree
    while degree and len(x) < _STAMPS_PER_TERM * len(exponents(degree)):
        degree -= 1
    sums = stamp_sums(image, target, pair, x, y, half, basis)
    return fit_kernel(sums, x, y, basis, degree, pair.new.shape)

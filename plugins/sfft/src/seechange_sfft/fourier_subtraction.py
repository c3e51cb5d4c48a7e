"""Subtraction with a delta-function kernel, from choosing sources to the difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seechange_core.api import Rejected
from seechange_core.frames import AlignedPair, Difference
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair, cleaned_pair, without_background
from seechange_core.imaging.subtraction.convolved_pair import WhiteningFilters, new_is_convolved
from seechange_core.imaging.subtraction.filtered_difference import NoiseTerms, filtered_difference
from seechange_core.imaging.subtraction.unknown_psf import with_measured_psfs
from seechange_sfft import SfftParams
from seechange_sfft.kernel_fit import KernelFit, fit_kernel
from seechange_sfft.kernel_pixels import kernel_pixels
from seechange_sfft.kernel_sources import kernel_sources

_LEAST_CORE, _MOST_CORE = 4.0, 15.0
_LEAST_HALF, _MOST_HALF = 12, 31
_LEAST_FWHM = 1.5


def fourier_difference(pair: AlignedPair, params: SfftParams) -> Difference:
    """Subtract a reference from a new image, the sharper of the two convolved to match the other.

    Parameters
    ----------
    pair : AlignedPair
        Both images on one grid. Their PSFs say which is sharper, and what a source in the difference looks like; the
        kernel comes from the pixels alone.
    params : SfftParams
        Kernel, sources, limits.

    Returns
    -------
    Difference
        With score, flux and flux error, whose noise follows the kernel.

    Raises
    ------
    Rejected
        If too few pixels or sources are usable in both images.

    Notes
    -----
    Hu et al. (2022), ApJ 936, 157.
    """
    cleaned = cleaned_pair(
        with_measured_psfs(pair), fill_error=params.fill_error, min_usable_fraction=params.min_usable_fraction
    )
    metrics: dict[str, Any] = {"usable_fraction": round(cleaned.usable_fraction, 4)}
    cleaned = without_background(cleaned)
    convolve_new = new_is_convolved(cleaned, params.convolve)
    fit = _matching_kernel(cleaned, convolve_new, params, metrics)
    metrics |= {
        "convolved": "new" if convolve_new else "reference",
        "n_sources": fit.sources.n_used,
        "n_clipped_sources": fit.n_clipped,
        "spatial_degree": fit.kernel.degree,
        "kernel_sum": round(fit.kernel.flux_scale, 5),
        "source_chi2": round(fit.chi2, 3),
    }
    terms = _noise_terms(pair, fit, params)
    metrics |= {
        "registration_error_x": round(terms.registration[0], 4),
        "registration_error_y": round(terms.registration[1], 4),
        "width_error": round(terms.width, 4),
        "misfit": round(fit.misfit, 5),
        "relative_error": round(terms.relative, 5),
    }
    difference = filtered_difference(
        cleaned,
        WhiteningFilters(fit.kernel.kernel, cleaned, convolve_new),
        terms,
        tile=params.tile,
        border=max(params.border, 2 * fit.kernel.half),
    )
    return replace(difference, metrics=metrics)


def _matching_kernel(
    pair: CleanedPair, convolve_new: bool, params: SfftParams, metrics: dict[str, Any]
) -> KernelFit:
    new, ref = pair.new.whole(), pair.ref.whole()
    image, target = (new, ref) if convolve_new else (ref, new)
    variance = pair.new_variance.whole() + pair.ref_variance.whole()
    wide = max(pair.new_psf.fwhm, pair.ref_psf.fwhm)
    core = min(max(params.kernel_core_fwhm * wide, _LEAST_CORE), _MOST_CORE)
    half = min(max(round(params.kernel_reach_fwhm * wide), _LEAST_HALF), _MOST_HALF)
    basis = kernel_pixels(max(wide, _LEAST_FWHM), core, half)
    sources = kernel_sources(
        new,
        ref,
        variance,
        pair,
        convolve_new=convolve_new,
        margin=half,
        min_snr=params.min_source_snr,
        relative_error=params.relative_error,
    )
    if sources.n_used < params.min_sources:
        raise Rejected(
            f"{sources.n_used} sources with a peak above {params.min_source_snr:g} sigma and usable pixels; "
            f"at least {params.min_sources} are needed (sfft.min_sources)",
            metrics | {"n_sources": sources.n_used},
        )
    return fit_kernel(
        image,
        target,
        variance,
        sources,
        basis,
        params.spatial_degree,
        constant_flux_ratio=params.constant_flux_ratio,
    )


def _noise_terms(pair: AlignedPair, fit: KernelFit, params: SfftParams) -> NoiseTerms:
    """Return the errors that are left.

    The kernel takes up the misregistration that the pair comes with, so that only what its own sources show is left;
    but not that of undersampled images, which no convolution can shift.
    """
    terms = fit.residuals.noise_terms(
        least_registration=params.min_registration_error, least_relative=params.relative_error
    )
    if not fit.is_limited_by_noise:
        x, y = (
            float(np.hypot(*errors))
            for errors in zip(terms.registration, pair.registration_error, strict=True)
        )
        terms = replace(terms, registration=(x, y))
    return terms

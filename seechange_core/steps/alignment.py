"""Alignment: the reference on the pixels of the new image, both without sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seechange_core.errors import Rejected
from seechange_core.frames import AlignedPair, Frame, SkyMapping, unusable
from seechange_core.imaging.alignment.pixel_map import fit_pixel_map
from seechange_core.imaging.alignment.psf_warping import warp_psf
from seechange_core.imaging.alignment.registration import refine_pixel_map
from seechange_core.imaging.alignment.warping import warp_frame
from seechange_core.imaging.background.smooth_background import without_sky
from seechange_core.imaging.coaddition.flux_scaling import variation_factor
from seechange_core.imaging.psf.width_error import psf_width_error
from seechange_core.steps.step import CalibratedImage


@dataclass(frozen=True)
class Alignment:
    """A pair that is ready for a subtractor, and how it came about.

    Parameters
    ----------
    pair : AlignedPair
        The new image and the warped reference.
    metrics : dict
        ``flux_ratio``, ``overlap`` (part of the new image that the reference covers with usable pixels),
        ``registration_error_x`` and ``_y`` (pixel), ``n_registration_stars``, ``registration_degree`` (-1 where no
        correction was fitted), ``resampled`` (not where whole pixels were enough), ``psf_width_error`` (pixel^2).
    """

    pair: AlignedPair
    metrics: dict[str, Any]


def align(
    new: CalibratedImage, reference: CalibratedImage, *, unmeasured_registration_error: float
) -> Alignment:
    """Warp a reference to the grid of a new image.

    The two sky mappings give the first map between the pixels; stars that both images have refine it and tell what
    misregistration is left. The flux ratio is that of the mean zero points; where these vary over the images, the
    reference is scaled by the ratio of their variations.

    Parameters
    ----------
    new, reference : CalibratedImage
        Both as calibrated, sky included. The reference's pixels are asked for once.
    unmeasured_registration_error : float
        Misregistration along each axis (pixel) where too few stars measure it; more, if the errors of the two sky
        mappings make it so.

    Raises
    ------
    Rejected
        If the images do not overlap.
    """
    shape = new.image.shape
    # Its data are our own from here on.
    reference_image = without_sky(reference.image, reference.background)
    try:
        first_map = fit_pixel_map(reference.mapping, new.mapping, shape, reference_image.shape)
    except ValueError as problem:
        raise Rejected(f"the reference cannot be brought to the new image: {problem}") from problem
    registration = refine_pixel_map(first_map, new.sources, reference.sources)
    factor = variation_factor(reference.photometry, registration.pixel_map, new.photometry)
    warped = warp_frame(reference_image, registration.pixel_map, shape, flux_factor=factor, overwrite=True)
    del reference_image
    error = registration.error
    if not np.all(np.isfinite(error)):
        unmeasured = max(unmeasured_registration_error, _error_of_mappings(new.mapping, reference.mapping))
        error = (unmeasured, unmeasured)
    flux_ratio = float(10 ** (0.4 * (reference.photometry.zero_point - new.photometry.zero_point)))
    scale = reference.mapping.pixel_scale_arcsec / new.mapping.pixel_scale_arcsec
    width_error = float(np.hypot(psf_width_error(new.sources), psf_width_error(reference.sources) * scale**2))
    pair = AlignedPair(
        new=without_sky(new.image, new.background),
        ref=warped,
        new_psf=new.psf,
        ref_psf=warp_psf(reference.psf, registration.pixel_map, shape),
        flux_ratio=flux_ratio,
        registration_error=error,
        info=new.image.info,
        width_error=width_error,
    )
    metrics = {
        "flux_ratio": flux_ratio,
        "overlap": float(np.mean(~unusable(warped.mask))),
        "registration_error_x": error[0],
        "registration_error_y": error[1],
        "n_registration_stars": registration.n_stars,
        "registration_degree": registration.degree,
        "resampled": registration.pixel_map.whole_shift() is None,
        "psf_width_error": width_error,
    }
    return Alignment(pair, metrics)


def scaled_reference(pair: AlignedPair) -> Frame:
    """Return the warped reference in electrons of the new image; the pair's own pixels are scaled."""
    scale = np.float32(1 / pair.flux_ratio)
    pair.ref.data[:] *= scale
    pair.ref.variance[:] *= scale * scale
    return pair.ref


def _error_of_mappings(new: SkyMapping, reference: SkyMapping) -> float:
    """Return how well two sky mappings agree, by their own errors as far as they are known (pixel of the new image)."""
    return float(np.hypot(*np.nan_to_num([new.error_mas, reference.error_mas]))) / (
        1e3 * new.pixel_scale_arcsec
    )

"""The PSFs of a pair that comes without them, measured on its own stars."""

from __future__ import annotations

from dataclasses import replace

from seechange_core.errors import Rejected
from seechange_core.frames import AlignedPair, Frame, PsfModel
from seechange_core.imaging.matched_filter import significance
from seechange_core.imaging.psf.measurement import measure_psf
from seechange_core.imaging.sources.detection import find_sources
from seechange_core.imaging.sources.measurement import first_sources
from seechange_core.imaging.usable_pixels import unusable_pixels, without_senseless_values

_FIRST_FWHM = 3.5
_THRESHOLD = 10.0


def with_measured_psfs(pair: AlignedPair) -> AlignedPair:
    """Return a pair whose PSFs are known: those that are not are measured on the stars of their image.

    Raises
    ------
    Rejected
        If an image without a PSF has no star that is fit for one.
    """
    return replace(
        pair,
        new_psf=pair.new_psf or _measured(pair.new, "new image"),
        ref_psf=pair.ref_psf or _measured(pair.ref, "reference"),
    )


def _measured(frame: Frame, which: str) -> PsfModel:
    image = without_senseless_values(frame)
    significant = significance(image.data, image.variance, unusable_pixels(image), _FIRST_FWHM)
    found, _ = find_sources(
        image,
        significant,
        kernel_fwhm=_FIRST_FWHM,
        threshold=_THRESHOLD,
        min_pixels=1,
        deblend_sigma=4.5,
        deblend_contrast=0.1,
    )
    try:
        psf, _ = measure_psf(
            image,
            first_sources(image, found, _FIRST_FWHM),
            min_snr=20.0,
            max_stars=300,
            min_stars=1,
            max_contamination=0.01,
            max_ellipticity=0.1,
            half_size_fwhm=3.0,
            fewest_for_degree=(8, 12, 150),
        )
    except (Rejected, ValueError) as problem:
        raise Rejected(f"the PSF of the {which} is unknown and cannot be measured: {problem}") from problem
    return psf

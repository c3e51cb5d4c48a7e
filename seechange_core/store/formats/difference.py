"""Difference images with everything that a subtraction returns."""

from __future__ import annotations

from pathlib import Path

from seechange_core.frames import Difference, Pixels
from seechange_core.store.formats.document import compressed_plane, fits_bytes, metadata_of, opened
from seechange_core.store.formats.frame import IMAGE, MASK, VARIANCE, frame_planes
from seechange_core.store.formats.planes import noisy_plane, smooth_plane
from seechange_core.store.formats.psf import psf_extension, psf_numbers, psf_of

SCORE, FLUX_ERROR, TRANSLIENT = "SCORE", "FLUX_ERROR", "TRANSLIENT"
REF_PSF = "REF_PSF"


def difference_bytes(difference: Difference) -> bytes:
    """Write a difference: IMAGE, VARIANCE, MASK, PSF; if present REF_PSF, SCORE, TRANSLIENT, FLUX_ERROR."""
    extensions = frame_planes(difference.data, difference.variance, difference.mask, 1.0, {})
    extensions.append(psf_extension(difference.psf))
    metadata = {"psf": psf_numbers(difference.psf), "metrics": dict(difference.metrics)}
    if difference.ref_psf is not None:
        extensions.append(psf_extension(difference.ref_psf, REF_PSF))
        metadata["ref_psf"] = psf_numbers(difference.ref_psf)
    for name, plane in ((SCORE, difference.score), (TRANSLIENT, difference.translient)):
        if plane is not None:
            extensions.append(noisy_plane(name, plane, 1.0, "sigma"))
    if difference.flux_error is not None:
        extensions.append(smooth_plane(FLUX_ERROR, difference.flux_error, "electron"))
    return fits_bytes(extensions, metadata)


def read_difference(path: Path) -> Difference:
    """Read a difference back.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        metadata = metadata_of(hdus, path)
        present = {hdu.name for hdu in hdus}

        def plane(name: str) -> Pixels:
            return compressed_plane(hdus, name, path)

        def optional(name: str) -> Pixels | None:
            return plane(name) if name in present else None

        return Difference(
            data=plane(IMAGE),
            variance=plane(VARIANCE),
            mask=compressed_plane(hdus, MASK, path),
            psf=psf_of(hdus, metadata, path),
            score=optional(SCORE),
            flux_error=optional(FLUX_ERROR),
            metrics=metadata["metrics"],
            translient=optional(TRANSLIENT),
            ref_psf=psf_of(hdus, metadata, path, REF_PSF) if REF_PSF in present else None,
        )

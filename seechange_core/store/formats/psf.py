"""PSF models."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from seechange_core.frames import PsfModel
from seechange_core.store.formats.document import (
    array_extension,
    extension,
    fits_bytes,
    metadata_of,
    native,
    opened,
)

PSF = "PSF"


def psf_bytes(psf: PsfModel) -> bytes:
    """Write a PSF model: extension PSF with its coefficients, plane by plane."""
    return fits_bytes([psf_extension(psf)], {"psf": psf_numbers(psf)})


def read_psf(path: Path) -> PsfModel:
    """Read a PSF model back, from its own file or from that of a difference.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        return psf_of(hdus, metadata_of(hdus, path), path)


def psf_extension(psf: PsfModel, name: str = PSF) -> Any:
    """Return the extension that holds the coefficients."""
    return array_extension(name, psf.coefficients, "")


def psf_numbers(psf: PsfModel) -> dict[str, Any]:
    """Return the fields that are plain numbers."""
    return {name: value for name, value in asdict(psf).items() if name != "coefficients"}


def psf_of(hdus: Any, metadata: dict[str, Any], path: Path, name: str = PSF) -> PsfModel:
    """Return the PSF model of an open file; its numbers are in the metadata under the extension's name."""
    return PsfModel(coefficients=native(extension(hdus, name, path).data), **metadata[name.lower()])

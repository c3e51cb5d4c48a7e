"""A difference for other programs: plain, uncompressed planes under the names that users know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seechange_core.frames import Difference
from seechange_core.store.atomic import write_atomically
from seechange_core.store.formats.document import add_cards, array_extension, fits_bytes
from seechange_core.store.formats.planes import mask_plane
from seechange_core.store.formats.psf import psf_extension, psf_numbers


def write_plain_difference(
    path: Path, difference: Difference, cards: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Write a difference to a file of its own.

    Parameters
    ----------
    path : Path
        Extensions DIFFERENCE, VARIANCE, MASK and PSF, and as far as present SCORE (sigma), FLUX and FLUXERR. PSF is a
        cube: its first plane is the PSF at (XZERO, YZERO), the others are its change with position, see `PsfModel`.
    difference : Difference
        Electrons of the new image.
    cards : mapping
        For the header of all planes, such as a WCS.
    metadata : mapping
        JSON values that say how it was made.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    planes = [
        array_extension("DIFFERENCE", difference.data, "electron"),
        array_extension("VARIANCE", difference.variance, "electron2"),
        mask_plane("MASK", difference.mask),
        psf_extension(difference.psf),
    ]
    for name, plane, unit in (
        ("SCORE", difference.score, "sigma"),
        ("FLUX", difference.flux, "electron"),
        ("FLUXERR", difference.flux_error, "electron"),
    ):
        if plane is not None:
            planes.append(array_extension(name, plane, unit))
    for plane in planes:
        if plane.name != "PSF":
            add_cards(plane, cards)
    numbers = psf_numbers(difference.psf)
    add_cards(planes[3], {name.upper().replace("_", ""): value for name, value in numbers.items()})
    write_atomically(path, fits_bytes(planes, {**metadata, "psf": numbers}))

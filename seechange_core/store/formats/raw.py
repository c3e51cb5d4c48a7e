"""Exposures that were made in memory, as multi-extension FITS like a camera's."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from astropy.io import fits

from seechange_core.frames import Pixels
from seechange_core.store.formats.document import add_cards


def raw_bytes(header: Mapping[str, Any], sections: Mapping[str, tuple[Pixels, Mapping[str, Any]]]) -> bytes:
    """Return the bytes of a FITS file with one extension a section, named after it.

    Parameters
    ----------
    header : mapping
        Cards of the primary header.
    sections : mapping of str to (array of shape (ny, nx), mapping)
        Pixels and cards by section; pixels are stored as they are.
    """
    primary = fits.PrimaryHDU()
    add_cards(primary, header)
    extensions = []
    for name, (pixels, cards) in sections.items():
        extension = fits.ImageHDU(pixels, name=name)
        add_cards(extension, cards)
        extensions.append(extension)
    buffer = io.BytesIO()
    fits.HDUList([primary, *extensions]).writeto(buffer)
    return buffer.getvalue()

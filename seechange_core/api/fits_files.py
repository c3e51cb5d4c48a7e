"""Reading FITS files with errors that name file, extension and keyword.

Not part of ``seechange_core.api`` itself, because it loads astropy: an instrument imports it in the module
that reads.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from seechange_core.api.fits_places import HduPlace, hdu_places
from seechange_core.errors import InputError
from seechange_core.frames import Box, Pixels

_REGION = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]")
_NOT_FITS = (OSError, ValueError, TypeError, KeyError, IndexError, fits.VerifyError)
_NOT_CARDS = {"", "COMMENT", "HISTORY", "CONTINUE", "CHECKSUM", "DATASUM", "END"}


@contextmanager
def open_fits(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file for reading; what astropy dislikes about it while it is open becomes an `InputError`.

    Headers are read as they are asked for, so that one extension of a large file can be had quickly.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            with fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
                yield hdus
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except _NOT_FITS as error:
        # What follows in astropy's messages is advice on its own functions.
        problem = str(error).partition(" If this is really a FITS file")[0]
        raise InputError(f"{path} cannot be read as FITS, it may be truncated: {problem}") from error


@contextmanager
def open_extension(path: Path, extension: int | str) -> Iterator[Any]:
    """Open one extension (number or EXTNAME), however many others there are before it.

    Raises
    ------
    InputError
        As `open_fits` and `extension_of`.
    """
    places = _places(path)
    wanted = extension.upper() if isinstance(extension, str) else extension
    numbers = [number for number, place in enumerate(places) if number > 0 and wanted in (number, place.name)]
    if not numbers:
        with open_fits(path) as hdus:
            yield extension_of(hdus, extension, path)
        return
    place = places[numbers[0]]
    size = path.stat().st_size
    if place.end > size:
        raise InputError(f"{path} is truncated: extension {extension!r} ends at byte {place.end} of {size}")
    with open(path, "rb") as file:
        parts = []
        for one in (places[0], place):
            file.seek(one.start)
            parts.append(file.read(one.end - one.start))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            with fits.open(io.BytesIO(b"".join(parts)), memmap=False) as hdus:
                yield hdus[1]
        except _NOT_FITS as error:
            raise InputError(f"{path}, extension {extension!r}, cannot be read as FITS: {error}") from error


def extension_names(path: Path) -> tuple[str, ...]:
    """Return EXTNAME of all extensions, in capitals and in the order of the file; empty where there is none."""
    places = _places(path)
    if places:
        return tuple(place.name for place in places[1:])
    with open_fits(path) as hdus:
        return tuple(hdu.name for hdu in hdus[1:])


def _places(path: Path) -> tuple[HduPlace, ...]:
    try:
        return hdu_places(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error


def extension_of(hdus: fits.HDUList, extension: int | str, path: Path) -> Any:
    """Return one extension (number or EXTNAME) of an open file.

    Raises
    ------
    InputError
        If it is missing, or if the file ends before its pixels do.
    """
    try:
        hdu = hdus[extension]
    except (KeyError, IndexError) as error:
        names = ", ".join(found.name or str(number) for number, found in enumerate(hdus))
        raise InputError(f"{path} has no extension {extension!r}; it has {names}") from error
    place = hdu.fileinfo()
    # A compressed image reports the size of its pixels, not that of its bytes in the file.
    in_file = place["datSpan"] if place and isinstance(hdu, fits.CompImageHDU) else hdu.size
    needed = place["datLoc"] + in_file if place else 0
    if needed > path.stat().st_size and path.suffix.lower() in {".fits", ".fit", ".fts", ".fz"}:
        size = path.stat().st_size
        raise InputError(f"{path} is truncated: extension {extension!r} ends at byte {needed} of {size}")
    return hdu


def read_pixels(path: Path, extension: int | str) -> Pixels:
    """Read the image of one extension, scaled by BSCALE and BZERO; pixels without a value are NaN.

    Raises
    ------
    InputError
        If the file is truncated, or has no such extension, or no image of two axes in it.
    """
    with open_extension(path, extension) as hdu:
        data = hdu.data
        if data is None or data.ndim != 2:
            axes = "no pixels" if data is None else f"{data.ndim} axes"
            raise InputError(f"{path}, extension {extension!r}: {axes} where an image of 2 axes is needed")
        return np.ascontiguousarray(data, dtype=np.float32)


def read_cards(path: Path, extension: int | str = 0) -> dict[str, Any]:
    """Read the header of one extension as keyword to value (text, number or truth value)."""
    with open_extension(path, extension) as hdu:
        return plain_cards(hdu.header)


def plain_cards(header: fits.Header) -> dict[str, Any]:
    """Return a header as keyword to value: comments, history, checksums and undefined values are left out."""
    cards = {}
    for card in header.cards:
        value = card.value
        if card.keyword not in _NOT_CARDS and isinstance(value, bool | int | float | str):
            cards[card.keyword] = value.strip() if isinstance(value, str) else value
    return cards


def require(header: Mapping[str, Any], keyword: str, path: Path | str) -> Any:
    """Return the value of a keyword.

    Raises
    ------
    InputError
        If it is missing or empty.
    """
    value = header.get(keyword)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise InputError(f"{path}: keyword {keyword} is missing or empty")
    return value


def require_number(header: Mapping[str, Any], keyword: str, path: Path | str) -> float:
    """Return the value of a keyword as a finite number.

    Raises
    ------
    InputError
        If it is missing or not a finite number.
    """
    value = require(header, keyword, path)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{path}: keyword {keyword} is {value!r}, not a finite number")
    return number


def region(header: Mapping[str, Any], keyword: str, path: Path | str) -> tuple[Box, bool, bool]:
    """Return a region such as ``DATASEC = '[1:512,1:1024]'`` as a box, and whether x and y run backwards.

    Raises
    ------
    InputError
        If the keyword is missing or not a region.
    """
    text = str(require(header, keyword, path))
    match = _REGION.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{path}: keyword {keyword} is {text!r}, not a region like [1:512,1:1024]")
    x1, x2, y1, y2 = (int(number) for number in match.groups())
    return Box(min(y1, y2) - 1, max(y1, y2), min(x1, x2) - 1, max(x1, x2)), x1 > x2, y1 > y2

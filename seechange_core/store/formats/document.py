"""FITS files as sequences of extensions, with everything that is not an array as JSON in one of them.

FITS cards cannot hold every header that comes with raw data, nor numbers exactly (they are written with 16 digits).
So each file has an extension ``METADATA`` with one JSON text that is what reading goes by, and cards beside it
for other programs. Nothing in a file depends on when, where or by whom it was written.
"""

from __future__ import annotations

import io
import json
import math
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from seechange_core.errors import StoreError
from seechange_core.store.formats.pieces import extension_at

METADATA = "METADATA"
_BLOCK = 2880
_EXPRESSIBLE = re.compile(r"[A-Z0-9_-]{1,8}")
# What the file says of its own structure must not come from another file.
_STRUCTURAL = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|[PG]COUNT|GROUPS|BSCALE|BZERO|BLANK|BUNIT|EXT(NAME|VER|LEVEL)|INHERIT|END"
    r"|TFIELDS|T(TYPE|FORM|UNIT|DIM|SCAL|ZERO|NULL|DISP)\d+|THEAP|CHECKSUM|DATASUM|COMMENT|HISTORY|CONTINUE|HIERARCH"
    r"|Z(IMAGE|CMPTYPE|BITPIX|NAXIS\d*|TILE\d+|NAME\d+|VAL\d+|MASKCMP|QUANTIZ|DITHER0|SIMPLE|TENSION|EXTEND|BLOCKED"
    r"|PCOUNT|GCOUNT|HECKSUM|DATASUM|BLANK|SCALE|ZERO)|MASK\d+"
)
# What astropy, numpy and zlib raise on bytes that are not what they should be.
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RuntimeError,
    fits.VerifyError,
    zlib.error,
)


def fits_bytes(extensions: Sequence[Any], metadata: Mapping[str, Any]) -> bytes:
    """Return the bytes of a FITS file with given extensions after the metadata; equal inputs give equal bytes.

    Parameters
    ----------
    extensions : sequence of astropy HDUs
        Named, in order.
    metadata : mapping
        JSON values; numpy scalars are taken as the numbers they are, and NaN is kept.
    """
    text = json.dumps(metadata, sort_keys=True, default=_plain)
    column = fits.Column(name="json", format=f"{len(text)}A", array=np.array([text]))
    described = fits.BinTableHDU.from_columns([column], name=METADATA)
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), described, *extensions]).writeto(buffer)
    return buffer.getvalue()


@contextmanager
def opened(path: Path) -> Iterator[fits.HDUList]:
    """Open a product's file for reading; whatever is wrong with it becomes a `StoreError` that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            with fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
                yield hdus
    except FileNotFoundError as error:
        raise StoreError(
            f"{path}: there is no such file; `seechange db check` lists what is missing"
        ) from error
    except _UNREADABLE as error:
        advice = "restore it from the archive, or delete the product and process again"
        raise StoreError(f"{path} cannot be read, it is damaged or truncated ({error}); {advice}") from error


def extension(hdus: fits.HDUList, name: str, path: Path) -> Any:
    """Return one extension of an open file.

    Raises
    ------
    StoreError
        If it is missing or the file ends before it does.
    """
    try:
        hdu = hdus[name]
    except KeyError as error:
        raise StoreError(
            f"{path} has no extension {name}: it is truncated or holds another product"
        ) from error
    place = hdu.fileinfo()
    needed = place["datLoc"] + place["datSpan"]
    size = path.stat().st_size
    if size < needed or size % _BLOCK:
        raise StoreError(f"{path} is truncated: {size} bytes where extension {name} ends at {needed}")
    return hdu


def compressed_plane(hdus: fits.HDUList, name: str, path: Path) -> np.ndarray[Any, Any]:
    """Return the pixels of a compressed extension of an open file.

    Raises
    ------
    StoreError
        If it is missing or the file ends before it does.
    """
    place = extension(hdus, name, path).fileinfo()["hdrLoc"]
    with path.open("rb") as file:
        found = extension_at(file, place)
        assert found is not None
        return found.plane()


def metadata_of(hdus: fits.HDUList, path: Path) -> dict[str, Any]:
    """Return the metadata of an open file."""
    text = extension(hdus, METADATA, path).data["json"][0]
    metadata: dict[str, Any] = json.loads(text)
    return metadata


def array_extension(name: str, values: np.ndarray[Any, Any], unit: str) -> fits.ImageHDU:
    """Return an uncompressed extension for an array of any number of axes."""
    hdu = fits.ImageHDU(values, name=name)
    if unit:
        hdu.header["BUNIT"] = unit
    return hdu


def native(values: Any) -> np.ndarray[Any, Any]:
    """Return an array of a file as C-ordered native numbers; FITS holds them big-endian."""
    array = np.asarray(values)
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def add_cards(hdu: Any, cards: Mapping[str, Any]) -> None:
    """Add cards for other programs, as far as FITS can express them and they do not describe the file itself."""
    for keyword, value in cards.items():
        plain = value.item() if isinstance(value, np.generic) else value
        if not _EXPRESSIBLE.fullmatch(keyword) or _STRUCTURAL.fullmatch(keyword) or keyword in hdu.header:
            continue
        if not isinstance(plain, str | bool | int | float):
            continue
        if isinstance(plain, float) and not math.isfinite(plain):
            continue
        if isinstance(plain, str) and not (plain.isascii() and plain.isprintable()):
            continue
        hdu.header.append((keyword, plain))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} ({type(value).__name__}) cannot be stored as metadata; use JSON values")

"""Planes of an image as tables of compressed tiles (FITS Standard 4.0, section 10), which programs show as images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from seechange_core.frames import Mask, Pixels
from seechange_core.store.formats.rice import (
    BLANK,
    encoded,
    largest_code,
    quantised,
)

_TILE_ROWS = 64
_DITHER_SEED = 1
_NO_DITHER, _DITHER = "NO_DITHER", "SUBTRACTIVE_DITHER_1"
_MASK_ZERO = 1 << 15


def rounded_plane(name: str, data: Pixels, step: float, *, dithered: bool) -> fits.BinTableHDU | None:
    """Compress pixels in numbers of a step.

    Parameters
    ----------
    name : str
        Of the extension.
    data : array of shape (ny, nx)
        Pixels that are not finite become NaN.
    step : float
        In the unit of the data, greater than 0.
    dithered : bool
        Whether a random part of a step is added before rounding and taken away by reading.

    Returns
    -------
    BinTableHDU or None
        None where the data span too many steps for 32 bits.
    """
    n_tiles, size = -(-len(data) // _TILE_ROWS), min(_TILE_ROWS, len(data)) * data.shape[1]
    values, code = np.empty(size, np.int32), np.empty(largest_code(size, 32), np.uint32)
    codes, zeros = [], np.empty(n_tiles)
    for number, tile in enumerate(_tiles(data)):
        pixels = np.ascontiguousarray(tile).ravel()
        zeros[number] = quantised(
            pixels, step, number + _DITHER_SEED if dithered else 0, values[: len(pixels)]
        )
        if np.isnan(zeros[number]):
            return None
        codes.append(_code(values[: len(pixels)], 32, code))
    columns = [
        fits.Column("ZSCALE", "1D", array=np.full(n_tiles, step)),
        fits.Column("ZZERO", "1D", array=zeros),
    ]
    hdu = _table(name, codes, columns, data.shape, -32)
    hdu.header["ZQUANTIZ"] = _DITHER if dithered else _NO_DITHER
    hdu.header["ZBLANK"] = BLANK
    if dithered:
        hdu.header["ZDITHER0"] = _DITHER_SEED
    return hdu


def exact_plane(name: str, mask: Mask) -> fits.BinTableHDU:
    """Compress unsigned integers of 16 bits without loss."""
    code = np.empty(largest_code(min(_TILE_ROWS, len(mask)) * mask.shape[1], 16), np.uint32)
    codes = [
        _code((np.ascontiguousarray(tile).ravel() ^ _MASK_ZERO).view(np.int16), 16, code)
        for tile in _tiles(mask)
    ]
    hdu = _table(name, codes, [], mask.shape, 16)
    hdu.header["BZERO"], hdu.header["BSCALE"] = _MASK_ZERO, 1
    return hdu


def _tiles(plane: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for first in range(0, len(plane), _TILE_ROWS):
        yield plane[first : first + _TILE_ROWS]


def _code(values: NDArray[Any], bits: int, code: NDArray[np.uint32]) -> NDArray[np.uint8]:
    length = encoded(values, bits, code)
    return code.view(np.uint8)[:length].copy()


def _table(
    name: str, codes: list[NDArray[np.uint8]], columns: list[fits.Column], shape: tuple[int, ...], bitpix: int
) -> fits.BinTableHDU:
    """Put codes into a table with the cards that make it a compressed image."""
    rows = np.empty(len(codes), object)
    rows[:] = codes
    code = fits.Column("COMPRESSED_DATA", f"PB({max(map(len, codes))})", array=rows)
    hdu = fits.BinTableHDU.from_columns([code, *columns], name=name)
    described = {"ZIMAGE": True, "ZTENSION": "IMAGE", "ZBITPIX": bitpix, "ZNAXIS": 2}
    described |= {"ZNAXIS1": shape[1], "ZNAXIS2": shape[0], "ZPCOUNT": 0, "ZGCOUNT": 1}
    described |= {"ZTILE1": shape[1], "ZTILE2": min(_TILE_ROWS, shape[0]), "ZCMPTYPE": "RICE_1"}
    described |= {"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 4 if bitpix == -32 else 2}
    hdu.header.update(described)
    return hdu

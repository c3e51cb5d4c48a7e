"""Rice's compression and the dithered quantisation of FITS, decoded no further than is asked for.

Section 10 of the FITS standard 4.0 (Pence et al. 2010, A&A 524, A42); Rice: White & Becker (1998). Astropy decodes
whole images; here the pixels of one object are wanted from each of a thousand files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats

_RANDOM_NUMBERS = 10_000
#: By bytes of a pixel: bits that hold the number of split bits, and the number that stands for uncompressed.
_SPLIT_BITS = {1: (3, 6), 2: (4, 14), 4: (5, 25)}


def decode_rice(
    compressed: NDArray[np.uint8], n_pixels: int, block_size: int, bytes_per_pixel: int
) -> NDArray[np.int64]:
    """Return the first pixels of a tile, as signed integers.

    Parameters
    ----------
    compressed : array of bytes
        The tile.
    n_pixels : int
        How many are wanted.
    block_size, bytes_per_pixel : int
        The parameters BLOCKSIZE and BYTEPIX of the compression.
    """
    pixels = np.empty(n_pixels, np.int64)
    field_bits, raw = _SPLIT_BITS[bytes_per_pixel]
    _decode(compressed, pixels, block_size, 8 * bytes_per_pixel, field_bits, raw)
    return pixels


def dequantised(integers: NDArray[np.int64], scale: float, zero: float, row: int) -> Floats:
    """Undo subtractive dithering of the first kind.

    Parameters
    ----------
    integers : array
        The first pixels of a tile.
    scale, zero : float
        Of the tile.
    row : int
        Number of the tile from 0, plus the file's ZDITHER0.
    """
    values = np.empty(len(integers))
    _dequantise(integers, scale, zero, (row - 1) % _RANDOM_NUMBERS, _random_numbers(), values)
    return values


def _random_numbers() -> NDArray[np.float32]:
    """Return the sequence that the standard prescribes (Park & Miller 1988, CACM 31, 1192)."""
    if not _cache:
        numbers, seed = np.empty(_RANDOM_NUMBERS, np.float32), 1
        for place in range(_RANDOM_NUMBERS):
            seed = 16807 * seed % 2147483647
            numbers[place] = seed / 2147483647.0
        _cache.append(numbers)
    return _cache[0]


_cache: list[NDArray[np.float32]] = []


@njit(cache=True)
def _decode(
    compressed: NDArray[Any], pixels: NDArray[Any], block_size: int, bits: int, field_bits: int, raw: int
) -> None:
    half, whole = 1 << (bits - 1), 1 << bits
    last = np.int64(0)
    place = 0
    for _ in range(bits // 8):
        last = (last << 8) | compressed[place]
        place += 1
    # The bits that are read but not yet used, and how many.
    buffer: np.int64 = np.int64(0)
    held = 0
    done = 0
    while done < len(pixels):
        while held < field_bits:
            buffer = (buffer << 8) | compressed[place]
            place += 1
            held += 8
        split = (buffer >> (held - field_bits)) - 1
        held -= field_bits
        buffer &= (np.int64(1) << held) - 1
        end = min(done + block_size, len(pixels))
        for n in range(done, end):
            mapped = np.int64(0)
            if split == raw:
                while held < bits:
                    buffer = (buffer << 8) | compressed[place]
                    place += 1
                    held += 8
                held -= bits
                mapped = buffer >> held
                buffer &= (np.int64(1) << held) - 1
            elif split >= 0:
                zeros = np.int64(0)
                while buffer == 0:
                    zeros += held
                    buffer = np.int64(compressed[place])
                    place += 1
                    held = 8
                while buffer >> (held - 1) == 0:
                    zeros += 1
                    held -= 1
                held -= 1
                buffer &= (np.int64(1) << held) - 1
                while held < split:
                    buffer = (buffer << 8) | compressed[place]
                    place += 1
                    held += 8
                held -= split
                mapped = (zeros << split) | (buffer >> held)
                buffer &= (np.int64(1) << held) - 1
            change = ~(mapped >> 1) if mapped & 1 else mapped >> 1
            last = (last + change) & (whole - 1)
            pixels[n] = last - whole if last >= half else last
        done = end


@njit(cache=True)
def _dequantise(
    integers: NDArray[Any], scale: float, zero: float, seed: int, numbers: NDArray[Any], values: Floats
) -> None:
    following = int(numbers[seed] * 500)
    for n in range(len(integers)):
        values[n] = (integers[n] - numbers[following] + 0.5) * scale + zero
        following += 1
        if following == len(numbers):
            seed = (seed + 1) % len(numbers)
            following = int(numbers[seed] * 500)

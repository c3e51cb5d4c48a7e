"""Rice coding of the pixels of tiles, and the rounding before it, compiled.

The codes and the dithering are those of FITS (Standard 4.0, sections 10.2 and 10.4.1; Pence, Seaman & White 2009,
PASP 121, 414), so that any program reads what is written here. Rows of tiles hold many rows of an image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Pixels

#: What stands for a pixel that is no number, and where the others begin where there are such.
BLANK = -(2**31)
_FIRST_BESIDE_BLANK = BLANK + 16
#: Integers whose codes have one number of split bits.
BLOCK = 32
_MOST_STEPS = 2.0**31 - 64.0


def _random_numbers() -> Pixels:
    """Return the 10,000 random numbers that the standard prescribes."""
    values, seed = np.empty(10000, np.float32), 1
    for i in range(len(values)):
        seed = 16807 * seed % 2147483647
        values[i] = seed / 2147483647
    return values


_RANDOM = _random_numbers()
#: Zeros before the first 1 of a byte.
_LEADING_ZEROS = np.array([8 - value.bit_length() for value in range(256)], np.uint8)


@njit(cache=True)
def quantised(pixels: Pixels, step: float, dither: int, values: NDArray[np.int32]) -> float:
    """Write the pixels of a tile as numbers of steps, and return what 0 steps are.

    Parameters
    ----------
    pixels : array of shape (n,)
        Those that are not finite become `BLANK`.
    step : float
        Greater than 0.
    dither : int
        Number of the tile, from 1 on, that decides the random numbers; 0 for none.
    values : array of shape (n,)
        To be filled.

    Returns
    -------
    float
        NaN where the pixels span too many steps.
    """
    least, most, blanks = np.inf, -np.inf, False
    for pixel in pixels:
        if np.isfinite(pixel):
            least, most = min(least, pixel), max(most, pixel)
        else:
            blanks = True
    if most < least:
        values[:] = BLANK
        return 0.0
    if (most - least) / step > _MOST_STEPS:
        return np.nan
    zero = np.floor(least / step + 0.5) * step
    first = 0
    if blanks:
        first = _FIRST_BESIDE_BLANK
        zero -= step * first
    seed = (dither - 1) % len(_RANDOM)
    following = int(_RANDOM[seed] * 500)
    for i in range(len(pixels)):
        shift = 0.5
        if dither:
            shift = np.float64(_RANDOM[following])
            following += 1
            if following == len(_RANDOM):
                seed = (seed + 1) % len(_RANDOM)
                following = int(_RANDOM[seed] * 500)
        if np.isfinite(pixels[i]):
            values[i] = np.int32(np.floor((pixels[i] - zero) / step + shift))
        else:
            values[i] = BLANK
    return zero


@njit(cache=True)
def restored(values: NDArray[np.int32], step: float, zero: float, dither: int, pixels: Pixels) -> None:
    """Write pixels from their numbers of steps: the inverse of `quantised`."""
    seed = (dither - 1) % len(_RANDOM)
    following = int(_RANDOM[seed] * 500)
    for i in range(len(values)):
        shift = 0.0
        if dither:
            shift = 0.5 - np.float64(_RANDOM[following])
            following += 1
            if following == len(_RANDOM):
                seed = (seed + 1) % len(_RANDOM)
                following = int(_RANDOM[seed] * 500)
        pixels[i] = np.nan if values[i] == BLANK else (values[i] + shift) * step + zero


@njit(cache=True)
def encoded(values: NDArray[Any], bits: int, code: NDArray[np.uint32]) -> int:
    """Write the code of some integers of 16 or 32 bits, and return its length in bytes.

    Parameters
    ----------
    values : int array of shape (n,)
        Of any integer type.
    bits : int
        16 or 32.
    code : uint32 array
        To be filled with words whose bytes are in the order of the code; has room for `largest_code` words.
    """
    width, most = (5, 25) if bits == 32 else (4, 14)
    half, whole = 1 << (bits - 1), (1 << bits) - 1
    waiting, n_waiting, n_words = np.uint64(np.int64(values[0]) & whole), bits, 0
    if n_waiting >= 32:
        n_waiting -= 32
        code[n_words] = _swapped(waiting >> np.uint64(n_waiting))
        n_words += 1
    last = np.int64(values[0])
    folded = np.empty(BLOCK, np.int64)
    for begin in range(0, len(values), BLOCK):
        n = min(BLOCK, len(values) - begin)
        total = 0
        for i in range(n):
            value = np.int64(values[begin + i])
            change = ((value - last + half) & whole) - half
            folded[i] = (change << 1) ^ (change >> 63)
            total += folded[i]
            last = value
        split = 0
        mean = max(total - n // 2 - 1, 0) // n >> 1
        while mean > 0:
            split += 1
            mean >>= 1
        symbol = split + 1
        if split >= most:
            symbol = most + 1
        elif total == 0:
            symbol = 0
        waiting, n_waiting = (waiting << np.uint64(width)) | np.uint64(symbol), n_waiting + width
        if n_waiting >= 32:
            n_waiting -= 32
            code[n_words] = _swapped(waiting >> np.uint64(n_waiting))
            n_words += 1
        if symbol == 0:
            continue
        if split >= most:
            for i in range(n):
                waiting, n_waiting = (waiting << np.uint64(bits)) | np.uint64(folded[i]), n_waiting + bits
                if n_waiting >= 32:
                    n_waiting -= 32
                    code[n_words] = _swapped(waiting >> np.uint64(n_waiting))
                    n_words += 1
            continue
        one = 1 << split
        for i in range(n):
            zeros = folded[i] >> split
            while zeros + split > 30:
                fewer = min(zeros, 31)
                waiting, n_waiting, zeros = waiting << np.uint64(fewer), n_waiting + fewer, zeros - fewer
                if n_waiting >= 32:
                    n_waiting -= 32
                    code[n_words] = _swapped(waiting >> np.uint64(n_waiting))
                    n_words += 1
            n_bits = zeros + split + 1
            waiting = (waiting << np.uint64(n_bits)) | np.uint64(one | (folded[i] & (one - 1)))
            n_waiting += n_bits
            if n_waiting >= 32:
                n_waiting -= 32
                code[n_words] = _swapped(waiting >> np.uint64(n_waiting))
                n_words += 1
    if n_waiting:
        code[n_words] = _swapped(waiting << np.uint64(32 - n_waiting))
    return 4 * n_words + (n_waiting + 7) // 8


@njit(cache=True)
def _swapped(bits):  # type: ignore[no-untyped-def]
    """Return the last 32 of some bits as a word with the most significant byte first in memory, or back."""
    word = np.uint32(bits & np.uint64(0xFFFFFFFF))
    middle = ((word & np.uint32(0xFF00)) << np.uint32(8)) | ((word >> np.uint32(8)) & np.uint32(0xFF00))
    return np.uint32((word << np.uint32(24)) | middle | (word >> np.uint32(24)))


def largest_code(n: int, bits: int) -> int:
    """Return how many words the code of so many integers takes at most."""
    return (n + 1) * bits // 32 + n // BLOCK // 4 + 8


@njit(cache=True)
def decoded(code: NDArray[np.uint32], bits: int, values: NDArray[Any]) -> bool:
    """Write the integers of a code: the inverse of `encoded`.

    Parameters
    ----------
    code : uint32 array
        As `encoded` wrote it, and one more word.
    bits : int
        16 or 32.
    values : int array of shape (n,)
        To be filled.

    Returns
    -------
    bool
        False if the code is too short.
    """
    width, most = (5, 25) if bits == 32 else (4, 14)
    half, whole = 1 << (bits - 1), (1 << bits) - 1
    word_bits, end = np.uint64(32), len(code) - 1
    waiting, position = np.uint64(_swapped(np.uint64(code[0]))), 1
    n_waiting: Any = 32
    n_waiting -= bits
    last: Any = np.int64((waiting >> np.uint64(n_waiting)) & np.uint64(whole))
    last = ((last + half) & whole) - half
    for begin in range(0, len(values), BLOCK):
        n = min(BLOCK, len(values) - begin)
        if n_waiting < 32:
            waiting = (waiting << word_bits) | np.uint64(_swapped(np.uint64(code[min(position, end)])))
            n_waiting += 32
            position += 1
        n_waiting -= width
        symbol = np.int64((waiting >> np.uint64(n_waiting)) & np.uint64((1 << width) - 1))
        if symbol == 0:
            values[begin : begin + n] = last
            continue
        split = symbol - 1
        for i in range(n):
            if n_waiting < 32:
                waiting = (waiting << word_bits) | np.uint64(_swapped(np.uint64(code[min(position, end)])))
                n_waiting += 32
                position += 1
            if split >= most:
                n_waiting -= bits
                folded = np.int64((waiting >> np.uint64(n_waiting)) & np.uint64(whole))
            else:
                zeros = np.int64(0)
                while True:
                    found = _LEADING_ZEROS[(waiting >> np.uint64(n_waiting - 8)) & np.uint64(255)]
                    if found < 8:
                        break
                    zeros += 8
                    n_waiting -= 8
                    if n_waiting < 32:
                        waiting = (waiting << word_bits) | np.uint64(
                            _swapped(np.uint64(code[min(position, end)]))
                        )
                        n_waiting += 32
                        position += 1
                    if position > len(code) + 1:
                        return False
                zeros += np.int64(found)
                n_waiting -= np.int64(found) + 1
                if n_waiting < 32:
                    waiting = (waiting << word_bits) | np.uint64(
                        _swapped(np.uint64(code[min(position, end)]))
                    )
                    n_waiting += 32
                    position += 1
                n_waiting -= split
                folded = (zeros << split) | np.int64(
                    (waiting >> np.uint64(n_waiting)) & np.uint64((1 << split) - 1)
                )
            last += (folded >> 1) ^ -(folded & 1)
            last = ((last + half) & whole) - half
            values[begin + i] = last
    return position - n_waiting // 32 < len(code)

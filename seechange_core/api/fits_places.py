"""Where the extensions of a FITS file are, without reading more of their headers than that takes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

_BLOCK, _CARD = 2880, 80
_SIZES = re.compile(rb"(BITPIX|NAXIS\d*|PCOUNT|GCOUNT|EXTNAME) *= *('(?:[^']|'')*'|[-+\d]+)")


@dataclass(frozen=True)
class HduPlace:
    """One header with its data.

    Parameters
    ----------
    name : str
        EXTNAME in capitals; empty if there is none.
    start, end : int
        First byte, and the one after the last.
    """

    name: str
    start: int
    end: int


def hdu_places(path: Path) -> tuple[HduPlace, ...]:
    """Return where each header of a FITS file begins and its data end, the primary one first.

    What follows the first header that is not complete is left out; a file that is no plain FITS has none. The last
    files that were asked for are remembered.
    """
    state = path.stat()
    return _places(str(path), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _places(path: str, mtime_ns: int, size: int) -> tuple[HduPlace, ...]:
    """Find them; time and size are there to notice that the file changed."""
    found: list[HduPlace] = []
    start = 0
    with open(path, "rb") as file:
        while start < size:
            file.seek(start)
            header = _header(file, first=b"SIMPLE" if start == 0 else b"XTENSION")
            if not header:
                break
            values = _values(header)
            data = math.ceil(_data_bytes(values) / _BLOCK) * _BLOCK
            name = values.get(b"EXTNAME", b"''").strip(b"'").replace(b"''", b"'")
            found.append(
                HduPlace(name.decode("ascii", "replace").strip().upper(), start, start + len(header) + data)
            )
            start = found[-1].end
    return tuple(found)


def _header(file: BinaryIO, first: bytes) -> bytes:
    """Return a header from its first card to the end of its last block; empty if it is none."""
    blocks: list[bytes] = []
    while len(block := file.read(_BLOCK)) == _BLOCK:
        if not blocks and not block.startswith(first):
            break
        blocks.append(block)
        if any(block[at : at + 8] == b"END     " for at in range(0, _BLOCK, _CARD)):
            return b"".join(blocks)
    return b""


def _values(header: bytes) -> dict[bytes, bytes]:
    cards = (header[at : at + _CARD] for at in range(0, len(header), _CARD))
    matches = (_SIZES.match(card) for card in cards if card[:1] in b"BNPGE")
    return {match[1]: match[2] for match in matches if match}


def _data_bytes(values: dict[bytes, bytes]) -> int:
    axes = [
        int(values.get(b"NAXIS%d" % axis, b"0")) for axis in range(1, int(values.get(b"NAXIS", b"0")) + 1)
    ]
    if not axes:
        return 0
    elements = int(values.get(b"GCOUNT", b"1")) * (int(values.get(b"PCOUNT", b"0")) + math.prod(axes))
    return abs(int(values.get(b"BITPIX", b"8"))) // 8 * elements

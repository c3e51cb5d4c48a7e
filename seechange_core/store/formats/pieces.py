"""Pieces of the planes of a FITS file, without reading or decompressing the rest of it.

Astropy reads a piece of one plane in 5 ms, most of which it spends on headers; forced photometry wants four planes of
each of a thousand files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seechange_core.errors import StoreError
from seechange_core.frames import Box

_BLOCK = 2880
_CARD = 80
_RICE_BLOCK = 32
_NUMPY = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class Extension:
    """One extension of an open file.

    Parameters
    ----------
    file : file
        Open for reading bytes.
    cards : mapping of str to str
        Values of its header by keyword, as they are written.
    start : int
        Where its data begin.
    """

    file: BinaryIO
    cards: Mapping[str, str]
    start: int

    @property
    def size(self) -> int:
        """Bytes of the data."""
        n_axes = self.integer("NAXIS")
        n_values = int(np.prod([self.integer(f"NAXIS{axis + 1}") for axis in range(n_axes)])) if n_axes else 0
        return abs(self.integer("BITPIX")) // 8 * (self.integer("PCOUNT", 0) + n_values)

    def integer(self, keyword: str, default: int | None = None) -> int:
        """Return the value of a keyword."""
        return int(self.cards[keyword]) if default is None or keyword in self.cards else default

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Return bytes of the data."""
        self.file.seek(self.start + offset)
        content = self.file.read(count)
        if len(content) < count:
            raise ValueError(f"extension {self.cards.get('EXTNAME')} ends too early")
        return content

    def array(self) -> np.ndarray[Any, Any]:
        """Return an image that is not compressed, as native numbers."""
        shape = [self.integer(f"NAXIS{axis}") for axis in range(self.integer("NAXIS"), 0, -1)]
        values = np.frombuffer(self.bytes_at(0, self.size), _NUMPY[self.integer("BITPIX")]).reshape(shape)
        return values.astype(values.dtype.newbyteorder("="))

    def text(self) -> str:
        """Return the only cell of a table of one text."""
        return self.bytes_at(0, self.integer("NAXIS1")).decode("utf-8").rstrip("\0 ")

    def plane(self) -> np.ndarray[Any, Any]:
        """Return all pixels of a compressed plane, whose tiles are whole rows."""
        width, height, tile_rows = self._tiling()
        kind = np.uint16 if self.integer("ZBITPIX") > 0 else np.float32
        pixels: np.ndarray[Any, Any] = np.empty((height, width), kind)
        for tile, top in enumerate(range(0, height, tile_rows)):
            rows = pixels[top : top + tile_rows]
            rows[:] = self._tile(tile, rows.size).reshape(rows.shape)
        return pixels

    def piece(self, box: Box) -> np.ndarray[Any, Any]:
        """Return the pixels of a box within a compressed plane, whose tiles are whole rows."""
        width, height, tile_rows = self._tiling()
        parts = []
        for tile in range(box.y0 // tile_rows, (box.y1 - 1) // tile_rows + 1):
            top = tile * tile_rows
            last = min(box.y1 - top, tile_rows, height - top)
            rows = self._tile(tile, last * width).reshape(last, width)
            parts.append(rows[max(box.y0 - top, 0) :, box.x0 : box.x1])
        return np.concatenate(parts)

    def _tiling(self) -> tuple[int, int, int]:
        """Return the columns and rows of a compressed plane, and the rows of its tiles."""
        width = self.integer("ZNAXIS1")
        if self.integer("ZTILE1") != width:
            raise ValueError("its tiles are not whole rows")
        return width, self.integer("ZNAXIS2"), self.integer("ZTILE2")

    def _tile(self, number: int, n_pixels: int) -> np.ndarray[Any, Any]:
        """Return the first pixels of a tile."""
        from seechange_core.store.formats.rice import decoded, restored

        entry = self._entry(number)
        compressed = self._heap(entry["COMPRESSED_DATA"])
        kind = self.cards["ZCMPTYPE"]
        if not compressed or kind != "RICE_1":
            return self._lossless(entry, compressed, kind)[:n_pixels]
        bits = self._rice_bits()
        code = np.frombuffer(compressed + bytes(8 - len(compressed) % 4), np.uint32)
        integers = np.empty(n_pixels, np.int32)
        if not decoded(code, bits, integers):
            raise ValueError(f"a tile of {self.cards.get('EXTNAME')} is cut off")
        if self.integer("ZBITPIX") > 0:
            return (integers + self.integer("BZERO")).astype(np.uint16)
        dithered = self.cards.get("ZQUANTIZ") == "SUBTRACTIVE_DITHER_1"
        values = np.empty(n_pixels, np.float32)
        dither = number + self.integer("ZDITHER0") if dithered else 0
        restored(integers, entry["ZSCALE"], entry["ZZERO"], dither, values)
        return values

    def _lossless(self, entry: Mapping[str, Any], compressed: bytes, kind: str) -> np.ndarray[Any, Any]:
        """Return a tile whose numbers were not rounded: in a compressed plane those that cannot be."""
        number = np.dtype(_NUMPY[self.integer("ZBITPIX")])
        content = zlib.decompress(
            compressed or self._heap(entry["GZIP_COMPRESSED_DATA"]), zlib.MAX_WBITS | 16
        )
        if compressed and kind == "GZIP_2":
            # The first bytes of all numbers come first, then the second ones ...
            content = np.frombuffer(content, np.uint8).reshape(number.itemsize, -1).T.tobytes()
        values = np.frombuffer(content, number)
        return values.astype(number.newbyteorder("="))

    def _rice_bits(self) -> int:
        named = {self.cards[f"ZNAME{n}"]: int(self.cards[f"ZVAL{n}"]) for n in (1, 2)}
        if named["BLOCKSIZE"] != _RICE_BLOCK or named["BYTEPIX"] not in (2, 4):
            raise ValueError(f"{self.cards.get('EXTNAME')} is compressed in another way")
        return 8 * named["BYTEPIX"]

    def _entry(self, number: int) -> dict[str, Any]:
        """Return the row of a tile: where its bytes are, and its scale and zero."""
        formats = {"P": "2>i4", "Q": "2>i8", "D": ">f8"}
        fields = [
            (self.cards[f"TTYPE{n}"], formats[self.cards[f"TFORM{n}"].lstrip("01")[0]])
            for n in range(1, self.integer("TFIELDS") + 1)
        ]
        width = self.integer("NAXIS1")
        (row,) = np.frombuffer(self.bytes_at(number * width, width), fields)
        return {name: row[name] for name, _ in fields}

    def _heap(self, place: Any) -> bytes:
        count, offset = (int(value) for value in place)
        return (
            self.bytes_at(self.integer("NAXIS1") * self.integer("NAXIS2") + offset, count) if count else b""
        )


@contextmanager
def open_pieces(path: Path) -> Iterator[Iterator[tuple[str, Extension]]]:
    """Open a product's file and yield its extensions by name, in order; whatever is wrong becomes a `StoreError`."""
    try:
        with path.open("rb") as file:
            yield _extensions(file)
    except (OSError, ValueError, KeyError, IndexError, zlib.error) as error:
        advice = "restore it from the archive, or delete the product and process again"
        raise StoreError(f"{path} cannot be read, it is damaged or truncated ({error}); {advice}") from error


def _extensions(file: BinaryIO) -> Iterator[tuple[str, Extension]]:
    place = 0
    while (found := extension_at(file, place)) is not None:
        yield found.cards.get("EXTNAME", ""), found
        place = found.start + -(-found.size // _BLOCK) * _BLOCK


def extension_at(file: BinaryIO, place: int) -> Extension | None:
    """Return the extension whose header begins at a byte of a file; None at its end."""
    file.seek(place)
    cards: dict[str, str] = {}
    while "END" not in cards:
        block = file.read(_BLOCK)
        if len(block) < _BLOCK:
            return None
        place += _BLOCK
        cards |= _cards(block.decode("ascii"))
    return Extension(file, cards, place)


def _cards(block: str) -> dict[str, str]:
    found = {}
    for start in range(0, _BLOCK, _CARD):
        keyword, value = block[start : start + 8].rstrip(), block[start + 10 : start + _CARD]
        value = value[1:].partition("'")[0] if value.startswith("'") else value.partition("/")[0]
        found[keyword] = value.strip()
        if keyword == "END":
            break
    return found

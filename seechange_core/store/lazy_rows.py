"""Rows whose files are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from seechange_core.api import Instrument
from seechange_core.errors import StoreError
from seechange_core.frames import Mask, Pixels
from seechange_core.models import Exposure

Row = TypeVar("Row")
Value = TypeVar("Value")


class LazyRow(Generic[Row]):
    """A row with its in-memory product; everything else is an attribute of the row.

    Parameters
    ----------
    row : Row
        From the database.
    load : callable
        Reads the product.
    """

    def __init__(self, row: Row, load: Callable[[], Any]) -> None:
        self.row = row
        self._load = load

    def __repr__(self) -> str:
        return repr(self.row)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "row":
            raise AttributeError(name)
        return getattr(self.row, name)

    @cached_property
    def product(self) -> Any:
        """What is in memory while a section is processed: `Frame`, `SourceTable`, `PsfModel` ... Read once."""
        return self._load()

    @property
    def data(self) -> Any:
        """The same as `product`; of an image, its pixels."""
        return self.product


class LazyImage(LazyRow[Row]):
    """A row of an image or a difference."""

    @property
    def data(self) -> Pixels:
        """Pixels (electron), shape (ny, nx)."""
        pixels: Pixels = self.product.data
        return pixels

    @property
    def variance(self) -> Pixels:
        """Variance (electron^2), shape (ny, nx)."""
        variance: Pixels = self.product.variance
        return variance

    @property
    def mask(self) -> Mask:
        """Bits of `MaskPlane`, shape (ny, nx)."""
        mask: Mask = self.product.mask
        return mask

    @property
    def header(self) -> Mapping[str, Any]:
        """Cards that came with the pixels; a difference has those of its new image only."""
        header: Mapping[str, Any] = getattr(self.product, "header", {})
        return header


class BySection(Mapping[str, Value], Generic[Value]):
    """Something of each section of an exposure, read when it is asked for and kept."""

    def __init__(self, sections: Sequence[str], read: Callable[[str], Value]) -> None:
        self._sections = tuple(sections)
        self._read = read
        self._values: dict[str, Value] = {}

    def __getitem__(self, section: str) -> Value:
        if section not in self._sections:
            raise KeyError(f"the exposure has no section {section!r}; it has {', '.join(self._sections)}")
        if section not in self._values:
            self._values[section] = self._read(section)
        return self._values[section]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)


class LazyExposure(LazyRow[Exposure]):
    """A row of an exposure, with headers and pixels as its camera reads them.

    Parameters
    ----------
    row : Exposure
        From the database.
    paths : callable
        Returns where its files are.
    instrument : Instrument or None
        Its camera; without one nothing can be read.
    """

    def __init__(
        self, row: Exposure, paths: Callable[[], tuple[Path, ...]], instrument: Instrument | None
    ) -> None:
        super().__init__(row, paths)
        self._instrument = instrument

    @property
    def camera(self) -> Instrument:
        """The instrument that reads the files.

        Raises
        ------
        StoreError
            If none was given.
        """
        if self._instrument is None:
            raise StoreError(f"give the instrument {self.row.instrument!r} to read what its files hold")
        return self._instrument

    @property
    def data(self) -> BySection[Pixels]:
        """Raw pixels by section: ``exposure.data["N3"]``."""
        return self._pixels

    @cached_property
    def _pixels(self) -> BySection[Pixels]:
        return BySection(self.row.sections, lambda section: self.camera.read(self.product, section).data)

    @cached_property
    def header(self) -> Mapping[str, Any]:
        """Cards of the primary header."""
        return self.camera.read_header(self.product).header

    @cached_property
    def section_headers(self) -> BySection[Mapping[str, Any]]:
        """Header cards by section."""
        return BySection(
            self.row.sections, lambda section: self.camera.read_section_header(self.product, section)
        )

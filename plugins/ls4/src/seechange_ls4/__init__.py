"""The camera of the La Silla Schmidt Southern Survey for SeeChange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, ClassVar

from seechange_core.api import ExposureHeader, Instrument, SectionGeometry, Site, hookimpl
from seechange_core.frames import SectionData, SkyMapping
from seechange_ls4 import file_names
from seechange_ls4.geometry import PIXEL_SCALE_ARCSEC, SECTIONS, SITE, nominal_mapping


class Ls4(Instrument):
    """LS4's 32 CCDs on the ESO 1.0-m Schmidt; each quadrant has its own filter."""

    name: ClassVar[str] = "ls4"
    version: ClassVar[str] = "1.1"
    sections: ClassVar[Mapping[str, SectionGeometry]] = SECTIONS
    filters: ClassVar[tuple[str, ...]] = ("g", "i", "z")
    site: ClassVar[Site | None] = SITE
    pixel_scale_arcsec: ClassVar[float] = PIXEL_SCALE_ARCSEC

    def recognises(self, path: Path) -> bool:
        """Go by the name: ``20260409005320s_00014.fits.fz`` or ``20260410004924sC3_00025_07.fits``."""
        return file_names.recognised(path)

    def files_of(self, path: Path) -> tuple[Path, ...]:
        """Return the one file, or all files of the form with one for each CCD or amplifier."""
        return file_names.files_of(path)

    def read_header(self, files: Sequence[Path]) -> ExposureHeader:
        """Read the headers of all images; the first one stands for the exposure."""
        header: ExposureHeader = import_module("seechange_ls4.headers").read_header(files)
        return header

    def read(self, files: Sequence[Path], section: str) -> SectionData:
        """Read the raw pixels of one CCD; the read noise is measured in its overscan."""
        data: SectionData = import_module("seechange_ls4.raw").read_raw(files, section)
        return data

    def read_section_header(self, files: Sequence[Path], section: str) -> Mapping[str, Any]:
        """Read the cards of the primary header and of one CCD's own (with two amplifiers: the left one's)."""
        cards: Mapping[str, Any] = (
            import_module("seechange_ls4.headers").hdus_of_section(files, section)[0].cards
        )
        return cards

    def first_mapping(self, header: Mapping[str, Any], info: Mapping[str, Any]) -> SkyMapping | None:
        """Return the nominal geometry at the header's pointing, which may be off by some arcmin."""
        pointing = import_module("seechange_ls4.headers").pointing_of(header, "the header")
        return nominal_mapping(str(info["section"]), *pointing)

    @classmethod
    def default_profile(cls) -> str:
        """Return the packaged profile."""
        return (package_files("seechange_ls4") / "profiles" / "ls4.yaml").read_text("utf-8")

    def write_simulated(self, directory: Path, *, seed: int, **options: Any) -> Path:
        """Write a simulated raw exposure with its truth; see `seechange_ls4.simulated.write_exposure`."""
        path: Path = import_module("seechange_ls4.simulated").write_exposure(directory, seed, **options)
        return path


@hookimpl
def register_instruments() -> list[type[Instrument]]:
    """Offer `Ls4`."""
    return [Ls4]

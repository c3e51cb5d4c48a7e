"""The STE3 CCD of the 1-m telescope of the South African Astronomical Observatory, for SeeChange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import ExposureHeader, Instrument, SectionGeometry, Site, hookimpl
from seechange_core.frames import SectionData, SkyMapping

#: The only CCD, which has no name of its own.
SECTION = "1"
ROWS, COLUMNS = 512, 512
PIXEL_SCALE_ARCSEC = 0.31


class Saao(Instrument):
    """Reads flat-fielded frames of 512 x 512 pixels, which have no WCS."""

    name: ClassVar[str] = "saao"
    version: ClassVar[str] = "1.0"
    sections: ClassVar[Mapping[str, SectionGeometry]] = {SECTION: SectionGeometry(SECTION, (ROWS, COLUMNS))}
    filters: ClassVar[tuple[str, ...]] = ("I",)
    site: ClassVar[Site | None] = Site(longitude_deg=20.8107, latitude_deg=-32.3783, elevation_m=1771.0)
    pixel_scale_arcsec: ClassVar[float] = PIXEL_SCALE_ARCSEC

    def recognises(self, path: Path) -> bool:
        """Go by the name: ``AKB13475I0001.fits.fz``, field, filter and number after an A."""
        return path.name.startswith("A") and path.name.endswith((".fits", ".fits.fz"))

    def read_header(self, files: Sequence[Path]) -> ExposureHeader:
        """Read the only header there is."""
        from seechange_saao import reading

        return reading.read_header(files[0])

    def read(self, files: Sequence[Path], section: str) -> SectionData:
        """Read the pixels (ADU)."""
        from seechange_saao import reading

        return reading.read_section(files[0], section)

    def read_section_header(self, files: Sequence[Path], section: str) -> Mapping[str, Any]:
        """Read the header without the pixels."""
        from seechange_saao import reading

        return reading.read_image_cards(files[0])

    def first_mapping(self, header: Mapping[str, Any], info: Mapping[str, Any]) -> SkyMapping | None:
        """Return a nominal mapping: the pointing in the middle, north up, east to the left.

        The pointing is off by up to a hundred pixels, and nobody measured how the CCD is turned.
        """
        scale_deg = PIXEL_SCALE_ARCSEC / 3600.0
        middle = (0.5 * (COLUMNS - 1), 0.5 * (ROWS - 1))
        return SkyMapping((info["ra_deg"], info["dec_deg"]), middle, np.diag([-scale_deg, scale_deg]))

    @classmethod
    def default_profile(cls) -> str:
        """Return the packaged profile."""
        return (package_files("seechange_saao") / "profiles" / "saao.yaml").read_text("utf-8")


@hookimpl
def register_instruments() -> list[type[Instrument]]:
    """Offer `Saao`."""
    return [Saao]

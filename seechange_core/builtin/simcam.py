"""A simulated survey camera: two CCDs of two amplifiers each, with the usual faults, under a known sky."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import ExposureHeader, FilterTransformation, Instrument, SectionGeometry, Site
from seechange_core.frames import Amplifier, Box, SectionData, SkyMapping
from seechange_core.simulation.colours import COLOUR_RANGE, GAIA_TO_FILTER

ROWS, COLUMNS = 1024, 1024
#: Rows and columns of a raw CCD: two halves, each followed by its overscan as it was read.
OVERSCAN_COLUMNS = 32
RAW_SHAPE = (ROWS, COLUMNS + 2 * OVERSCAN_COLUMNS)
PIXEL_SCALE_ARCSEC = 0.26
_GAP_PIXELS = 100
_SATURATION_ADU = 60000.0

_CENTRE_EAST_DEG = (COLUMNS + _GAP_PIXELS) / 2 * PIXEL_SCALE_ARCSEC / 3600.0
SECTIONS = {
    "C1": SectionGeometry("C1", (ROWS, COLUMNS), east_deg=_CENTRE_EAST_DEG),
    "C2": SectionGeometry("C2", (ROWS, COLUMNS), east_deg=-_CENTRE_EAST_DEG),
}
#: Gain (electron per ADU) and read noise (electron) of amplifiers A and B.
_READ_OUT = {"C1": ((1.62, 6.2), (1.71, 6.8)), "C2": ((1.55, 7.1), (1.80, 6.5))}


def amplifiers_of(section: str) -> tuple[Amplifier, ...]:
    """Return the amplifiers of a raw section; B reads from the right, so its columns run backwards."""
    half = COLUMNS // 2
    amplifiers = []
    for number, (gain, read_noise) in enumerate(_READ_OUT[section]):
        start = number * (half + OVERSCAN_COLUMNS)
        amplifiers.append(
            Amplifier(
                name="AB"[number],
                data=Box(0, ROWS, start, start + half),
                trimmed=Box(0, ROWS, number * half, (number + 1) * half),
                overscan=Box(0, ROWS, start + half, start + half + OVERSCAN_COLUMNS),
                gain=gain,
                read_noise_electron=read_noise,
                saturation_adu=_SATURATION_ADU,
                flip_x=number == 1,
            )
        )
    return tuple(amplifiers)


def nominal_mapping(section: str, ra_deg: float, dec_deg: float) -> SkyMapping:
    """Return the mapping of a section as designed: north up, east to the left, no distortion."""
    geometry = SECTIONS[section]
    scale = PIXEL_SCALE_ARCSEC / 3600.0
    crpix = ((COLUMNS - 1) / 2 + geometry.east_deg / scale, (ROWS - 1) / 2 - geometry.north_deg / scale)
    return SkyMapping((ra_deg, dec_deg), crpix, np.diag([-scale, scale]))


class Simcam(Instrument):
    """The simulated camera; its files are ``simcam_<night>_<number>.fits``."""

    name: ClassVar[str] = "simcam"
    version: ClassVar[str] = "1.0"
    sections: ClassVar[Mapping[str, SectionGeometry]] = SECTIONS
    filters: ClassVar[tuple[str, ...]] = ("g", "r", "i")
    transformations: ClassVar[Mapping[str, FilterTransformation]] = {
        band: FilterTransformation("G", *COLOUR_RANGE, coefficients)
        for band, coefficients in GAIA_TO_FILTER.items()
    }
    site: ClassVar[Site | None] = Site(-70.0, -30.0, 2000.0)
    pixel_scale_arcsec: ClassVar[float] = PIXEL_SCALE_ARCSEC

    def recognises(self, path: Path) -> bool:
        """Go by the name: ``simcam_<night>_<number>.fits``."""
        return re.fullmatch(r"simcam_\d{8}_\d+\.fits", path.name) is not None

    def read_header(self, files: Sequence[Path]) -> ExposureHeader:
        """Read the primary header."""
        from seechange_core.builtin import simcam_files

        return simcam_files.read_header(files[0])

    def read(self, files: Sequence[Path], section: str) -> SectionData:
        """Read the raw pixels of one CCD."""
        from seechange_core.builtin import simcam_files

        return simcam_files.read_section(files[0], section)

    def read_section_header(self, files: Sequence[Path], section: str) -> Mapping[str, Any]:
        """Read the cards of the primary header and of one CCD's own."""
        from seechange_core.builtin import simcam_files

        return simcam_files.read_section_cards(files[0], section)

    def first_mapping(self, header: Mapping[str, Any], info: Mapping[str, Any]) -> SkyMapping | None:
        """Return the designed geometry at the pointing that the header reports."""
        return nominal_mapping(str(info["section"]), float(header["RA"]), float(header["DEC"]))

    @classmethod
    def default_profile(cls) -> str:
        """Return the packaged profile."""
        return (package_files("seechange_core.builtin") / "profiles" / "simcam.yaml").read_text("utf-8")

    def write_simulated(self, directory: Path, *, seed: int, **options: Any) -> Path:
        """Write one simulated raw exposure in r with its truth beside it."""
        from seechange_core.builtin import simulated_survey

        return simulated_survey.write_single_exposure(directory, seed, **options)

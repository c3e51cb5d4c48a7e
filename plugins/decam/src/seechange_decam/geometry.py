"""Where DECam's CCDs are, and how its magnitudes follow from Gaia's."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files

import numpy as np

from seechange_core.api import FilterTransformation, SectionGeometry
from seechange_core.frames import SkyMapping
from seechange_core.frames.mapping import project

SHAPE = (4096, 2048)
PIXEL_SCALE_ARCSEC = 0.2637
#: Relative shrinking of the scale with the distance from the boresight (deg^-2): 0.2626 arcsec a pixel 1.1 deg from it.
_RADIAL_TERM = 0.00115
#: Declination (deg) at which the offsets of the CCDs were measured. Only there does a plane of equal CCDs fit them:
#: to 0.8 arcsec, and to 6 arcsec if they are taken for offsets on the tangent plane.
_MEASURED_AT_DEC = -29.2
#: S30 did not work in this time (MJD, from late 2013 to the end of 2016).
_WITHOUT_S30 = (56597.0, 57754.0)


def table_rows(name: str) -> Iterator[dict[str, str]]:
    """Read one of the package's tables, row by row."""
    text = (files("seechange_decam") / "tables" / name).read_text("utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


def section_geometry() -> dict[str, SectionGeometry]:
    """Return all 62 CCDs by name, their centres on the tangent plane."""
    return {row["section"]: _geometry(row) for row in table_rows("ccds.csv")}


def _geometry(row: dict[str, str]) -> SectionGeometry:
    right_ascension = float(row["east_deg"]) / np.cos(np.radians(_MEASURED_AT_DEC))
    declination = _MEASURED_AT_DEC + float(row["north_deg"])
    xi, eta = project(right_ascension, declination, (0.0, _MEASURED_AT_DEC))
    defective = row["defective"] == "1"
    return SectionGeometry(row["section"], SHAPE, float(xi), float(eta), defective=defective)


def gaia_transformations() -> dict[str, FilterTransformation]:
    """Return the transformation from Gaia by filter."""
    return {
        row["filter"]: FilterTransformation(
            row["base"],
            float(row["colour_min"]),
            float(row["colour_max"]),
            tuple(float(value) for value in row["coefficients"].split()),
        )
        for row in table_rows("gaia.csv")
    }


def filter_wavelengths() -> dict[str, float]:
    """Return the central wavelength (nm) by filter."""
    return {row["filter"]: float(row["centre_nm"]) for row in table_rows("filters.csv")}


SECTIONS = section_geometry()
#: CCDNUM by section: what tables of crosstalk and defects call the CCDs.
CCD_NUMBERS = {row["section"]: int(row["ccdnum"]) for row in table_rows("ccds.csv")}


def working_sections(mjd: float) -> tuple[str, ...]:
    """Return the CCDs that worked at a time, those with lasting defects included."""
    dead = {"S30"} if _WITHOUT_S30[0] <= mjd < _WITHOUT_S30[1] else set()
    return tuple(section for section in SECTIONS if section not in dead)


def nominal_mapping(section: str, ra_deg: float, dec_deg: float) -> SkyMapping:
    """Return the mapping of a trimmed CCD at a pointing: x grows to the south, y to the east."""
    scale = PIXEL_SCALE_ARCSEC / 3600.0
    cd = np.array([[0.0, scale], [-scale, 0.0]])
    # TPV's terms 1, 7 and 9 are x, x^3 and x y^2, with the axes exchanged for the second coordinate.
    radial = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -_RADIAL_TERM, 0.0, -_RADIAL_TERM)
    optics = SkyMapping((ra_deg, dec_deg), (0.0, 0.0), cd, pv1=radial, pv2=radial)
    geometry = SECTIONS[section]
    x, y = optics.plane_to_pixel(geometry.east_deg, geometry.north_deg)
    crpix = ((SHAPE[1] - 1) / 2 - float(x), (SHAPE[0] - 1) / 2 - float(y))
    return SkyMapping((ra_deg, dec_deg), crpix, cd, pv1=radial, pv2=radial)

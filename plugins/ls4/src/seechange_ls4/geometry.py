"""Where LS4's CCDs are, and which filter lies on each."""

from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np

from seechange_core.api import SectionGeometry, Site
from seechange_core.frames import SkyMapping
from seechange_core.frames.mapping import project

SHAPE = (4096, 2048)
PIXEL_SCALE_ARCSEC = 1.0177
SITE = Site(longitude_deg=-70.74167, latitude_deg=-29.25444, elevation_m=2347.0)
#: Declination (deg) at which the offsets of the CCDs were measured, known from their spacing, which agrees only there.
_MEASURED_AT_DEC = -28.0


def section_geometry() -> dict[str, SectionGeometry]:
    """Return all 32 CCDs by name, their centres on the tangent plane."""
    text = (files("seechange_ls4") / "tables" / "ccds.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["section"]: _geometry(row) for row in rows}


def _geometry(row: dict[str, str]) -> SectionGeometry:
    right_ascension = float(row["east_deg"]) / np.cos(np.radians(_MEASURED_AT_DEC))
    declination = _MEASURED_AT_DEC + float(row["north_deg"])
    xi, eta = project(right_ascension, declination, (0.0, _MEASURED_AT_DEC))
    return SectionGeometry(
        row["section"], SHAPE, float(xi), float(eta), filter=row["filter"], defective=row["defective"] == "1"
    )


SECTIONS = section_geometry()


def nominal_mapping(section: str, ra_deg: float, dec_deg: float) -> SkyMapping:
    """Return the mapping of a trimmed CCD at a pointing: x grows to larger right ascension, y to the north."""
    scale = PIXEL_SCALE_ARCSEC / 3600.0
    geometry = SECTIONS[section]
    crpix = ((SHAPE[1] - 1) / 2 - geometry.east_deg / scale, (SHAPE[0] - 1) / 2 - geometry.north_deg / scale)
    return SkyMapping((ra_deg, dec_deg), crpix, np.diag([scale, scale]))

"""DECam's headers in standard names and units."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seechange_core.api import ExposureHeader
from seechange_core.api.fits_files import extension_names, read_cards, require, require_number
from seechange_core.errors import InputError
from seechange_core.frames import SkyMapping
from seechange_core.imaging.astrometry.wcs_cards import mapping_from_cards
from seechange_decam.file_names import FileName
from seechange_decam.geometry import PIXEL_SCALE_ARCSEC, nominal_mapping, working_sections

_KINDS = {
    "object": "science",
    "standard": "science",
    "zero": "bias",
    "dark": "dark",
    "dome flat": "flat",
    "sky flat": "flat",
}
_SECONDS_PER_DAY = 86400.0


def read_header(path: Path) -> ExposureHeader:
    """Read what a raw exposure, or the image of a community-pipeline product, says of itself."""
    cards = read_cards(path)
    names = set(extension_names(path))
    if cards.get("INSTRUME") != "DECam":
        raise InputError(f"{path}: keyword INSTRUME is {cards.get('INSTRUME')!r}, not DECam")
    mjd = middle_mjd(cards, path)
    present = tuple(section for section in working_sections(mjd) if section in names)
    if not present:
        raise InputError(f"{path} has no extension named after a CCD of DECam (S29, N4 ...)")
    kind = _kind(cards, path)
    pointing = pointing_of(cards, path) if kind == "science" else (None, None)
    name = FileName.parse(path)
    return ExposureHeader(
        kind=kind,
        mjd=mjd,
        exposure_s=require_number(cards, "EXPTIME", path),
        filter=filter_of(cards, path) if kind in {"science", "flat"} else "",
        ra_deg=pointing[0],
        dec_deg=pointing[1],
        sections=present,
        project=str(cards.get("PROPID", "")),
        target=str(cards.get("OBJECT", "")),
        processing="calibrated" if name is not None and name.is_product else "raw",
        info={"exposure_type": str(cards["OBSTYPE"]).lower(), **_further(cards)},
        header=cards,
    )


def section_cards(path: Path, section: str) -> dict[str, Any]:
    """Return the primary cards and, over them, those of one CCD."""
    return read_cards(path) | read_cards(path, section)


def section_info(
    cards: Mapping[str, Any], section: str, shape: tuple[int, int], path: Path
) -> dict[str, Any]:
    """Return what the steps may rely on (see `Frame`), for a section of a trimmed shape."""
    info: dict[str, Any] = {
        "mjd": middle_mjd(cards, path),
        "exposure_s": require_number(cards, "EXPTIME", path),
        "filter": "",
        "instrument": "decam",
        "section": section,
        "pixel_scale_arcsec": PIXEL_SCALE_ARCSEC,
    }
    kind = _kind(cards, path)
    if kind in {"science", "flat"}:
        info["filter"] = filter_of(cards, path)
    if kind == "science":
        mapping = first_mapping(cards, section, path)
        ra, dec = mapping.pixel_to_sky((shape[1] - 1) / 2, (shape[0] - 1) / 2)
        info |= {"ra_deg": float(ra), "dec_deg": float(dec), **_further(cards)}
    return info


def first_mapping(cards: Mapping[str, Any], section: str, where: Path | str = "the header") -> SkyMapping:
    """Return the header's own WCS, or, where there is none, the nominal geometry at the header's pointing.

    That of a raw exposure is in pixels of the trimmed CCD, although LTV1 and LTV2 seem to say otherwise.
    """
    if "CTYPE1" in cards:
        return mapping_from_cards(cards, str(where))
    return nominal_mapping(section, *pointing_of(cards, where))


def middle_mjd(cards: Mapping[str, Any], where: Path | str) -> float:
    """Return the middle of the exposure; MJD-OBS is its start."""
    half_day = require_number(cards, "EXPTIME", where) / 2.0 / _SECONDS_PER_DAY
    return require_number(cards, "MJD-OBS", where) + half_day


def filter_of(cards: Mapping[str, Any], where: Path | str) -> str:
    """Return the short name of the filter: the first word of its long one."""
    return str(require(cards, "FILTER", where)).split()[0]


def pointing_of(cards: Mapping[str, Any], where: Path | str) -> tuple[float, float]:
    """Return right ascension and declination (deg) of the boresight; the header has hours and degrees, sexagesimal."""
    return 15.0 * _sexagesimal(cards, "RA", where), _sexagesimal(cards, "DEC", where)


def _sexagesimal(cards: Mapping[str, Any], keyword: str, where: Path | str) -> float:
    text = str(require(cards, keyword, where)).strip()
    try:
        first, minutes, seconds = (float(part) for part in text.lstrip("+-").split(":"))
    except ValueError:
        raise InputError(
            f"{where}: keyword {keyword} is {text!r}, not sexagesimal like 12:28:09.12"
        ) from None
    return (-1.0 if text.startswith("-") else 1.0) * (first + minutes / 60.0 + seconds / 3600.0)


def _kind(cards: Mapping[str, Any], where: Path | str) -> str:
    observation = str(require(cards, "OBSTYPE", where)).lower()
    if observation not in _KINDS:
        raise InputError(f"{where}: keyword OBSTYPE is {observation!r}; known are {', '.join(_KINDS)}")
    return _KINDS[observation]


def _further(cards: Mapping[str, Any]) -> dict[str, Any]:
    names = {"AIRMASS": "airmass", "EXPNUM": "exposure_number", "PLVER": "pipeline_version"}
    return {name: cards[keyword] for keyword, name in names.items() if keyword in cards}

"""Reading of the frames; apart from the component, for it loads astropy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seechange_core.api import ExposureHeader, InputError
from seechange_core.api.fits_files import extension_names, read_cards, read_pixels, require, require_number
from seechange_core.frames import Amplifier, Box, SectionData
from seechange_saao import COLUMNS, PIXEL_SCALE_ARCSEC, ROWS, SECTION

#: The camera's numbers of filters (ten times the first wheel plus the second).
_FILTERS = {58: "I"}
_KINDS = {"object": "science"}
#: Full pixels end at 65,300 ADU.
_SATURATION_ADU = 60000.0
_SECONDS_PER_DAY = 86400.0


def read_header(path: Path) -> ExposureHeader:
    """Return what the header says of the exposure."""
    cards = read_image_cards(path)
    info = _info(cards, path)
    return ExposureHeader(
        kind=_named(_KINDS, str(require(cards, "IMAGETYP", path)), "IMAGETYP", path),
        mjd=info["mjd"],
        exposure_s=info["exposure_s"],
        filter=info["filter"],
        ra_deg=info["ra_deg"],
        dec_deg=info["dec_deg"],
        sections=(SECTION,),
        target=str(cards.get("OBJECT", "")),
        processing="calibrated",
        info={"airmass": info["airmass"]},
        header=cards,
    )


def read_section(path: Path, section: str) -> SectionData:
    """Return the pixels (ADU), with gain and read noise of the header."""
    if section != SECTION:
        raise InputError(f"{path} has no section {section!r}, only {SECTION!r}")
    cards = read_image_cards(path)
    data = read_pixels(path, _extension(path))
    if data.shape != (ROWS, COLUMNS):
        raise InputError(f"{path}: {data.shape} pixels; a flat-fielded frame has {(ROWS, COLUMNS)}")
    whole = Box(0, ROWS, 0, COLUMNS)
    amplifier = Amplifier(
        name="1",
        data=whole,
        trimmed=whole,
        overscan=None,
        gain=require_number(cards, "GAIN", path),
        read_noise_electron=require_number(cards, "RDNOISE", path),
        saturation_adu=_SATURATION_ADU,
    )
    # Not marked as calibrated: bias and flat field are done, but the sky is still there, so that the noise follows from
    # the photons, which is better than what the scatter between the pixels of a crowded field would say.
    return SectionData(data, "adu", (amplifier,), _info(cards, path), cards)


def read_image_cards(path: Path) -> dict[str, Any]:
    """Return the cards of the image, which compression moves to an extension."""
    return read_cards(path, _extension(path))


def _extension(path: Path) -> int:
    return 1 if extension_names(path) else 0


def _info(cards: Mapping[str, Any], path: Path) -> dict[str, Any]:
    exposure_s = require_number(cards, "EXPTIME", path)
    return {
        "mjd": require_number(cards, "MJD-OBS", path) + exposure_s / 2.0 / _SECONDS_PER_DAY,
        "exposure_s": exposure_s,
        "filter": _named(_FILTERS, int(require_number(cards, "FILTERS", path)), "FILTERS", path),
        "ra_deg": require_number(cards, "RA_OBS", path),
        "dec_deg": require_number(cards, "DEC_OBS", path),
        "airmass": require_number(cards, "SECZ", path),
        "pixel_scale_arcsec": PIXEL_SCALE_ARCSEC,
        "instrument": "saao",
        "section": SECTION,
    }


def _named(names: Mapping[Any, str], value: Any, keyword: str, path: Path) -> str:
    """Return the standard name of a keyword's value."""
    if value not in names:
        raise InputError(f"{path}: keyword {keyword} is {value!r}; known are {', '.join(map(repr, names))}")
    return names[value]

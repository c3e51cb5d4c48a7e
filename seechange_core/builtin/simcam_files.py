"""The simulated camera's raw files: reading and writing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from numpy.typing import NDArray

from seechange_core.api import ExposureHeader
from seechange_core.api.fits_files import (
    open_fits,
    plain_cards,
    read_cards,
    read_pixels,
    region,
    require,
    require_number,
)
from seechange_core.builtin.simcam import PIXEL_SCALE_ARCSEC, SECTIONS, amplifiers_of, nominal_mapping
from seechange_core.errors import InputError
from seechange_core.frames import Amplifier, Box, ColumnTable, SectionData

#: OBSTYPE to the kind of exposure.
_KINDS = {"object": "science", "zero": "bias", "dark": "dark", "dome flat": "flat"}
_SECONDS_PER_DAY = 86400.0


def read_header(path: Path) -> ExposureHeader:
    """Read what a file says of its exposure."""
    with open_fits(path) as hdus:
        cards = plain_cards(hdus[0].header)
        present = tuple(section for section in SECTIONS if section in hdus)
    if not present:
        raise InputError(f"{path} has none of the extensions {', '.join(SECTIONS)}")
    kind = _kind(cards, path)
    on_sky = kind == "science"
    return ExposureHeader(
        kind=kind,
        mjd=_middle_mjd(cards, path),
        exposure_s=require_number(cards, "EXPTIME", path),
        filter=str(require(cards, "FILTER", path)) if kind not in ("bias", "dark") else "",
        ra_deg=require_number(cards, "RA", path) if on_sky else None,
        dec_deg=require_number(cards, "DEC", path) if on_sky else None,
        sections=present,
        project=str(cards.get("PROPID", "")),
        target=str(cards.get("OBJECT", "")),
        info=_info(cards, path) if on_sky else {},
        header=cards,
    )


def _info(cards: Mapping[str, Any], path: Path) -> dict[str, Any]:
    return {
        "airmass": require_number(cards, "AIRMASS", path),
        "simulated": bool(require(cards, "SIMULATE", path)),
    }


def read_section_cards(path: Path, section: str) -> dict[str, Any]:
    """Return the primary cards and, over them, those of one CCD."""
    return read_cards(path) | read_cards(path, section)


def read_section(path: Path, section: str) -> SectionData:
    """Read the raw pixels of one CCD, with its amplifiers as the header describes them."""
    cards = read_section_cards(path, section)
    where = f"{path}[{section}]"
    info = {
        "mjd": _middle_mjd(cards, path),
        "exposure_s": require_number(cards, "EXPTIME", path),
        "filter": str(cards.get("FILTER", "")),
        "pixel_scale_arcsec": PIXEL_SCALE_ARCSEC,
        "instrument": "simcam",
        "section": section,
    }
    if _kind(cards, path) == "science":
        ny, nx = SECTIONS[section].shape
        pointing = require_number(cards, "RA", path), require_number(cards, "DEC", path)
        ra, dec = nominal_mapping(section, *pointing).pixel_to_sky((nx - 1) / 2, (ny - 1) / 2)
        info |= {"ra_deg": float(ra), "dec_deg": float(dec)}
        info["airmass"] = require_number(cards, "AIRMASS", path)
    amplifiers = tuple(_amplifier(cards, name, where) for name in "AB")
    return SectionData(read_pixels(path, section), "adu", amplifiers, info, cards)


def write_raw(path: Path, cards: Mapping[str, Any], sections: Mapping[str, NDArray[np.uint16]]) -> None:
    """Write a raw exposure under a temporary name and rename it; the same content gives the same bytes."""
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header(dict(cards)))])
    for section, pixels in sections.items():
        header = fits.Header({"EXTNAME": section})
        for amplifier in amplifiers_of(section):
            header.update(_amplifier_cards(amplifier))
        hdus.append(fits.ImageHDU(pixels, header))
    _write(path, hdus)


def write_tables(path: Path, tables: Mapping[str, ColumnTable]) -> None:
    """Write tables as extensions of a FITS file, in the same careful way."""
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for name, table in tables.items():
        hdus.append(fits.BinTableHDU(Table(dict(table)), fits.Header(table.meta), name=name))
    _write(path, hdus)


def date_of(mjd: float) -> str:
    """Return a time as DATE-OBS has it."""
    return str(Time(mjd, format="mjd", scale="utc").isot)


def _write(path: Path, hdus: fits.HDUList) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        hdus.writeto(temporary, overwrite=True)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _kind(cards: Mapping[str, Any], path: Path) -> str:
    observation = str(require(cards, "OBSTYPE", path))
    if observation not in _KINDS:
        raise InputError(f"{path}: keyword OBSTYPE is {observation!r}; known are {', '.join(_KINDS)}")
    return _KINDS[observation]


def _middle_mjd(cards: Mapping[str, Any], path: Path) -> float:
    start = str(require(cards, "DATE-OBS", path))
    try:
        mjd = float(Time(start, format="isot", scale="utc").mjd)
    except ValueError as error:
        raise InputError(
            f"{path}: keyword DATE-OBS is {start!r}, not a time like 2026-01-31T00:00:00"
        ) from error
    return mjd + require_number(cards, "EXPTIME", path) / 2.0 / _SECONDS_PER_DAY


def _amplifier(cards: Mapping[str, Any], name: str, where: str) -> Amplifier:
    data, flip_x, flip_y = region(cards, f"DATASEC{name}", where)
    return Amplifier(
        name=name,
        data=data,
        trimmed=region(cards, f"TRIMSEC{name}", where)[0],
        overscan=region(cards, f"BIASSEC{name}", where)[0],
        gain=require_number(cards, f"GAIN{name}", where),
        read_noise_electron=require_number(cards, f"RDNOISE{name}", where),
        saturation_adu=require_number(cards, f"SATURAT{name}", where),
        flip_x=flip_x,
        flip_y=flip_y,
    )


def _amplifier_cards(amplifier: Amplifier) -> dict[str, Any]:
    name = amplifier.name
    cards: dict[str, Any] = {
        f"GAIN{name}": amplifier.gain,
        f"RDNOISE{name}": amplifier.read_noise_electron,
        f"SATURAT{name}": amplifier.saturation_adu,
        f"DATASEC{name}": _region_text(amplifier.data, amplifier.flip_x, amplifier.flip_y),
        f"TRIMSEC{name}": _region_text(amplifier.trimmed),
    }
    if amplifier.overscan is not None:
        cards[f"BIASSEC{name}"] = _region_text(amplifier.overscan)
    return cards


def _region_text(box: Box, flip_x: bool = False, flip_y: bool = False) -> str:
    x = [box.x0 + 1, box.x1][:: -1 if flip_x else 1]
    y = [box.y0 + 1, box.y1][:: -1 if flip_y else 1]
    return f"[{x[0]}:{x[1]},{y[0]}:{y[1]}]"

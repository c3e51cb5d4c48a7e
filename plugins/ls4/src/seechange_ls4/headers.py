"""LS4's headers in standard names and units, and where in the files each CCD is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from seechange_core.api import ExposureHeader
from seechange_core.api.fits_files import open_fits, plain_cards, require, require_number
from seechange_core.errors import InputError
from seechange_ls4.airmass import airmass_of
from seechange_ls4.geometry import PIXEL_SCALE_ARCSEC, SECTIONS, SHAPE, nominal_mapping

_SECONDS_PER_DAY = 86400.0
#: At most, with one for each amplifier.
_FILES_OF_AN_EXPOSURE = 64
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)


@dataclass(frozen=True)
class ImageHdu:
    """One image in the files of an exposure.

    Parameters
    ----------
    path, extension : Path, int
        Where it is.
    cards : mapping
        Of its header, over those of the primary one.
    """

    path: Path
    extension: int
    cards: Mapping[str, Any]

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.path}[{self.extension}]"

    @property
    def section(self) -> str:
        """The CCD."""
        return str(require(self.cards, "CCD_LOC", self.where))

    @property
    def amplifier(self) -> str:
        """``"LEFT"`` or ``"RIGHT"``; empty if one amplifier read the whole CCD."""
        return str(self.cards.get("AMP_NAME", "")).upper() if self._is_one_of_two else ""

    @property
    def _is_one_of_two(self) -> bool:
        return int(self.cards.get("NAXIS1", 0)) < SHAPE[1]


def image_hdus(files: Sequence[Path]) -> list[ImageHdu]:
    """Return all images of an exposure.

    Raises
    ------
    InputError
        If there is none.
    """
    found: list[ImageHdu] = []
    for path in files:
        try:
            state = path.stat()
        except FileNotFoundError as error:
            raise InputError(f"{path}: there is no such file") from error
        found += _images_in(path, state.st_mtime_ns, state.st_size)
    if not found:
        raise InputError(f"{files[0]} has no image of two axes")
    return found


@lru_cache(maxsize=2 * _FILES_OF_AN_EXPOSURE)
def _images_in(path: Path, mtime_ns: int, size: int) -> tuple[ImageHdu, ...]:
    """Return the images in a file, which the CCDs of an exposure share; time and size tell whether it changed."""
    with open_fits(path) as hdus:
        primary = plain_cards(hdus[0].header)
        return tuple(
            ImageHdu(path, extension, primary | plain_cards(hdu.header))
            for extension, hdu in enumerate(hdus)
            if hdu.is_image and int(hdu.header.get("NAXIS", 0)) == 2
        )


def hdus_of_section(files: Sequence[Path], section: str) -> list[ImageHdu]:
    """Return the image of a CCD, or those of its left and its right amplifier.

    Raises
    ------
    InputError
        If the CCD or one of its amplifiers is missing.
    """
    found = sorted(
        (hdu for hdu in image_hdus(files) if hdu.section == section), key=lambda hdu: hdu.amplifier
    )
    if [hdu.amplifier for hdu in found] not in ([""], ["LEFT", "RIGHT"]):
        names = ", ".join(hdu.amplifier or "whole" for hdu in found) or "nothing"
        raise InputError(
            f"{files[0]}: of CCD {section} there must be one image, or one LEFT and one RIGHT; there is {names}"
        )
    return found


def read_header(files: Sequence[Path]) -> ExposureHeader:
    """Read what the files say of their exposure; the header of the first image stands for all."""
    hdus = image_hdus(files)
    cards, where = hdus[0].cards, hdus[0].where
    in_files = {hdu.section for hdu in hdus}
    present = tuple(section for section in SECTIONS if section in in_files)
    if not present:
        raise InputError(f"{files[0]}: no image has a known CCD_LOC; there are {', '.join(sorted(in_files))}")
    kind = kind_of(cards, where)
    pointing = pointing_of(cards, where) if kind == "science" else None
    mjd = middle_mjd(cards, where)
    return ExposureHeader(
        kind=kind,
        mjd=mjd,
        exposure_s=require_number(cards, "EXPTIME", where),
        filter="",
        ra_deg=pointing[0] if pointing else None,
        dec_deg=pointing[1] if pointing else None,
        sections=present,
        project=str(cards.get("PROJECT", "")),
        target=str(cards.get("TARGETID", "")),
        info={
            "exposure_type": str(cards["IMAGETYP"]).lower(),
            **({"airmass": airmass_of(*pointing, mjd)} if pointing else {}),
        },
        header=cards,
        section_filters={section: SECTIONS[section].filter for section in present},
    )


def section_info(cards: Mapping[str, Any], section: str, where: str) -> dict[str, Any]:
    """Return what the steps may rely on (see `Frame`)."""
    info: dict[str, Any] = {
        "mjd": middle_mjd(cards, where),
        "exposure_s": require_number(cards, "EXPTIME", where),
        "filter": SECTIONS[section].filter,
        "instrument": "ls4",
        "section": section,
        "pixel_scale_arcsec": PIXEL_SCALE_ARCSEC,
    }
    if kind_of(cards, where) == "science":
        mapping = nominal_mapping(section, *pointing_of(cards, where))
        ra, dec = mapping.pixel_to_sky((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)
        info |= {"ra_deg": float(ra), "dec_deg": float(dec)}
        info["airmass"] = airmass_of(info["ra_deg"], info["dec_deg"], info["mjd"])
    return info


def kind_of(cards: Mapping[str, Any], where: Path | str) -> str:
    """Return the kind of exposure; a dark of no duration is a bias."""
    image_type = str(require(cards, "IMAGETYP", where)).lower()
    if image_type == "sky":
        return "science"
    if image_type == "dark":
        return "dark" if require_number(cards, "EXPTIME", where) > 0 else "bias"
    if image_type.endswith("skyflat"):
        return "flat"
    raise InputError(f"{where}: keyword IMAGETYP is {image_type!r}; known are sky, dark, pmskyflat")


def pointing_of(cards: Mapping[str, Any], where: Path | str) -> tuple[float, float]:
    """Return right ascension and declination (deg); the header has hours and degrees."""
    return 15.0 * require_number(cards, "TELE-RA", where), require_number(cards, "TELE-DEC", where)


def middle_mjd(cards: Mapping[str, Any], where: Path | str) -> float:
    """Return the middle of the exposure; STARTOBS is its start."""
    text = str(require(cards, "STARTOBS", where))
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{where}: keyword STARTOBS is {text!r}, not a time like 2026-04-09T00:53:20"
        ) from None
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    since_zero_s = (start - _MJD_ZERO).total_seconds()
    return (since_zero_s + require_number(cards, "EXPTIME", where) / 2.0) / _SECONDS_PER_DAY

"""Headers of simulated raw exposures of LS4, and what its amplifiers are like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.time import Time
from numpy.typing import NDArray

from seechange_core.frames import Amplifier, Box
from seechange_ls4.geometry import SHAPE

_PRESCAN, _HALF, _OVERSCAN = 6, 1024, 20
_GAIN, _READ_NOISE_ELECTRON, _SATURATION_ADU = 2.2, 9.0, 20000.0
#: Extra rows that the two-amplifier mode reads.
_EXTRA_ROWS = 4
_READ_OUT_TO_THE_RIGHT = ("SE_C", "SE_D", "SE_E", "SE_F")
_SECTIONS_CARDS = {
    "PRESECL": "[1:6,1:4096]",
    "DATASECL": "[7:1030,1:4096]",
    "BIASSECL": "[1031:1050,1:4096]",
    "BIASSECR": "[1:20,1:4096]",
    "DATASECR": "[21:1044,1:4096]",
    "PRESECR": "[1045:1050,1:4096]",
}


@dataclass(frozen=True)
class SimulatedKind:
    """A kind of exposure: letter in its file's name, IMAGETYP, and seconds of exposure."""

    letter: str
    image_type: str
    exposure_s: float


KINDS = {
    "science": SimulatedKind("s", "sky", 45.0),
    "bias": SimulatedKind("d", "dark", 0.0),
    "flat": SimulatedKind("e", "pmskyflat", 5.0),
}


def raw_shape(amplifiers: int) -> tuple[int, int]:
    """Return rows and columns of a CCD, both amplifiers side by side."""
    columns = amplifiers * (_PRESCAN + _OVERSCAN) + 2 * _HALF
    return SHAPE[0] + (_EXTRA_ROWS if amplifiers == 2 else 0), columns


def amplifiers_of(section: str, number: int) -> tuple[Amplifier, ...]:
    """Return the one or two amplifiers that read a CCD."""
    if number == 2:
        left = _amplifier("LEFT", _PRESCAN, _HALF, _PRESCAN + _HALF, 0)
        width = _PRESCAN + _HALF + _OVERSCAN
        return left, _amplifier("RIGHT", width + _OVERSCAN, _HALF, width, _HALF)
    if section in _READ_OUT_TO_THE_RIGHT:
        return (_amplifier("RIGHT", _OVERSCAN, 2 * _HALF, 0, 0),)
    return (_amplifier("LEFT", _PRESCAN, 2 * _HALF, _PRESCAN + 2 * _HALF, 0),)


def _amplifier(name: str, light: int, width: int, overscan: int, on_ccd: int) -> Amplifier:
    """Return an amplifier by the first columns of its light, its overscan, and its part of the CCD."""
    return Amplifier(
        name=name,
        data=Box(0, SHAPE[0], light, light + width),
        trimmed=Box(0, SHAPE[0], on_ccd, on_ccd + width),
        overscan=Box(0, SHAPE[0], overscan, overscan + _OVERSCAN),
        gain=_GAIN,
        read_noise_electron=_READ_NOISE_ELECTRON,
        saturation_adu=_SATURATION_ADU,
    )


def images_of(
    section: str,
    raw: NDArray[np.uint16],
    amplifiers: int,
    kind: SimulatedKind,
    start_mjd: float,
    pointing: tuple[float, float],
) -> Iterator[fits.CompImageHDU]:
    """Yield the images of a CCD, one for each amplifier; `pointing` is right ascension and declination (deg)."""
    cards: dict[str, Any] = {
        "INSTRUME": "LS4Cam",
        "TELESCOP": "ESO 1.0-m Schmidt",
        "CCD_LOC": section,
        "IMAGETYP": kind.image_type,
        "EXPTIME": kind.exposure_s,
        "STARTOBS": str(Time(start_mjd, format="mjd", scale="utc").isot),
        "TELE-RA": pointing[0] / 15.0,
        "TELE-DEC": pointing[1],
        "FILTERID": 0,
        **_SECTIONS_CARDS,
    }
    for number, pixels in enumerate(np.split(raw, amplifiers, axis=1)):
        header = fits.Header(cards)
        if amplifiers == 2:
            header["AMP_NAME"] = ("LEFT", "RIGHT")[number]
        header["HIERARCH amp_direction"] = "both" if amplifiers == 2 else "left"
        yield fits.CompImageHDU(np.ascontiguousarray(pixels), header, compression_type="RICE_1")

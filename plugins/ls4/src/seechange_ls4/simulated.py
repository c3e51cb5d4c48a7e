"""Simulated raw exposures of LS4, in both forms of its files and both modes of its amplifiers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from numpy.typing import NDArray

from seechange_core.frames import Amplifier, Box, ColumnTable, SkyMapping
from seechange_core.simulation.detector import random_detector, read_out
from seechange_core.simulation.exposure import Conditions, static_light
from seechange_core.simulation.sky import random_sky
from seechange_ls4.geometry import PIXEL_SCALE_ARCSEC, SECTIONS, SHAPE, nominal_mapping

_PRESCAN, _HALF, _OVERSCAN = 6, 1024, 20
_GAIN, _READ_NOISE_ELECTRON, _SATURATION_ADU = 2.2, 9.0, 20000.0
#: Extra rows that the two-amplifier mode reads.
_EXTRA_ROWS = 4
_READ_OUT_TO_THE_RIGHT = ("SE_C", "SE_D", "SE_E", "SE_F")
_UNUSED_LEVEL_ADU = 1000
_START_MJD, _EXPOSURE_S, _NUMBER = 61140.25, 45.0, 14
_POINTING = (190.2, -35.4)
_POINTING_ERROR_DEG = (0.03, -0.02)
#: The simulated sky has no z: sections with that filter see the magnitudes of i.
_BANDS = {"g": "g", "i": "i", "z": "i"}
_SECTIONS_CARDS = {
    "PRESECL": "[1:6,1:4096]",
    "DATASECL": "[7:1030,1:4096]",
    "BIASSECL": "[1031:1050,1:4096]",
    "BIASSECR": "[1:20,1:4096]",
    "DATASECR": "[21:1044,1:4096]",
    "PRESECR": "[1045:1050,1:4096]",
}
_CCDS_OF_A_CONTROLLER = 8


def write_exposure(
    directory: Path,
    seed: int,
    *,
    sections: Sequence[str] = ("NE_A", "SE_C"),
    form: Literal["whole", "parts"] = "whole",
    amplifiers: Literal[1, 2] = 1,
    stars_per_arcmin2: float = 0.3,
    galaxies_per_arcmin2: float = 0.3,
) -> Path:
    """Write a simulated raw exposure of 45 s with its truth beside it.

    Parameters
    ----------
    directory : Path
        Is made if it does not exist.
    seed : int
        Of sky, detectors and noise.
    sections : sequence of str
        CCDs that see the sky.
    form : {"whole", "parts"}
        One file with these CCDs, RICE-compressed; or one file for every CCD or amplifier of the camera, of which the
        others hold a constant level.
    amplifiers : {1, 2}
        That read each CCD.
    stars_per_arcmin2, galaxies_per_arcmin2 : float
        Down to 24.5 mag.

    Returns
    -------
    Path
        The file, or the first of them; ``<start>s_<number>.truth.fits`` has section, kind, x, y (pixel, trimmed), ra,
        dec (deg), magnitude (AB) and flux (electron).
    """
    rng = np.random.default_rng(seed)
    hdus: dict[str, list[fits.CompImageHDU]] = {}
    truths = []
    for section in sections:
        raw, truth = _expose(rng, section, amplifiers, stars_per_arcmin2, galaxies_per_arcmin2)
        hdus[section] = list(_images(section, raw, amplifiers))
        truths.append(truth.with_columns(section=np.full(truth.n_rows, section)))
    directory.mkdir(parents=True, exist_ok=True)
    start = Time(_START_MJD, format="mjd", scale="utc").strftime("%Y%m%d%H%M%S") + "s"
    table = Table({name: np.concatenate([truth[name] for truth in truths]) for name in truths[0]})
    _write(directory / f"{start}_{_NUMBER:05d}.truth.fits", [fits.BinTableHDU(table)])
    if form == "whole":
        path = directory / f"{start}_{_NUMBER:05d}.fits.fz"
        _write(path, [hdu for images in hdus.values() for hdu in images])
        return path
    return _write_parts(directory, start, hdus, amplifiers)


def _write_parts(
    directory: Path, start: str, hdus: dict[str, list[fits.CompImageHDU]], amplifiers: int
) -> Path:
    paths = []
    for position, section in enumerate(SECTIONS):
        unused = np.full((SHAPE[0], _columns(amplifiers)), _UNUSED_LEVEL_ADU, np.uint16)
        images = hdus.get(section) or list(_images(section, unused, amplifiers))
        controller, ccd = divmod(position, _CCDS_OF_A_CONTROLLER)
        for number, hdu in enumerate(images, start=ccd * amplifiers):
            paths.append(directory / f"{start}C{controller}_{_NUMBER:05d}_{number:02d}.fits.fz")
            _write(paths[-1], [hdu])
    return paths[0]


def _expose(
    rng: np.random.Generator, section: str, amplifiers: int, stars: float, galaxies: float
) -> tuple[NDArray[np.uint16], ColumnTable]:
    """Return raw pixels, both amplifiers side by side, and the truth."""
    conditions = Conditions(
        mjd=_START_MJD + _EXPOSURE_S / 2.0 / 86400.0,
        exposure_s=_EXPOSURE_S,
        band=_BANDS[SECTIONS[section].filter],
        seeing_arcsec=2.2,
        sky_electron=400.0,
        zero_point=28.0,
    )
    mapping = _true_mapping(section)
    ra, dec = mapping.pixel_to_sky((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)
    sky = random_sky(
        rng,
        (float(ra), float(dec)),
        (1.03 * SHAPE[1] * PIXEL_SCALE_ARCSEC, 1.03 * SHAPE[0] * PIXEL_SCALE_ARCSEC),
        stars_per_arcmin2=stars,
        galaxies_per_arcmin2=galaxies,
        n_variables=0,
        epoch_mjd=conditions.mjd,
    )
    field = conditions.psf_field(SHAPE, PIXEL_SCALE_ARCSEC, (0.01, 0.01, 0.01, 0.0))
    light, truth = static_light(sky, mapping, field, conditions)
    rows = SHAPE[0] + (_EXTRA_ROWS if amplifiers == 2 else 0)
    raw_shape = (rows, _columns(amplifiers))
    detector = random_detector(rng, _amplifiers(section, amplifiers), raw_shape, SHAPE)
    charge = rng.poisson((light + conditions.sky_electron) * detector.response)
    return read_out(rng, detector, charge.astype(np.float64)), truth


def _true_mapping(section: str) -> SkyMapping:
    """Return where the telescope really pointed, some arcmin from what the header says."""
    reported = nominal_mapping(section, *_POINTING)
    crval = (_POINTING[0] + _POINTING_ERROR_DEG[0], _POINTING[1] + _POINTING_ERROR_DEG[1])
    return replace(reported, crval=crval)


def _columns(amplifiers: int) -> int:
    return amplifiers * (_PRESCAN + _OVERSCAN) + 2 * _HALF


def _amplifiers(section: str, number: int) -> tuple[Amplifier, ...]:
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


def _images(section: str, raw: NDArray[np.uint16], amplifiers: int) -> Iterator[fits.CompImageHDU]:
    cards: dict[str, Any] = {
        "INSTRUME": "LS4Cam",
        "TELESCOP": "ESO 1.0-m Schmidt",
        "CCD_LOC": section,
        "IMAGETYP": "sky",
        "EXPTIME": _EXPOSURE_S,
        "STARTOBS": str(Time(_START_MJD, format="mjd", scale="utc").isot),
        "TELE-RA": _POINTING[0] / 15.0,
        "TELE-DEC": _POINTING[1],
        "FILTERID": 0,
        **_SECTIONS_CARDS,
    }
    for number, pixels in enumerate(np.split(raw, amplifiers, axis=1)):
        header = fits.Header(cards)
        if amplifiers == 2:
            header["AMP_NAME"] = ("LEFT", "RIGHT")[number]
        header["HIERARCH amp_direction"] = "both" if amplifiers == 2 else "left"
        yield fits.CompImageHDU(np.ascontiguousarray(pixels), header, compression_type="RICE_1")


def _write(path: Path, hdus: list[Any]) -> None:
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(temporary, overwrite=True)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

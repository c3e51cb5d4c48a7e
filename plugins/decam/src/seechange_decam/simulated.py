"""Simulated raw exposures of DECam: its real read-out geometry and constants under an invented sky."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from seechange_core.frames import Amplifier, Box, ColumnTable, SkyMapping
from seechange_core.imaging.wcs_cards import cards_from_mapping
from seechange_core.simulation.detector import cosmic_rays, random_detector, read_out
from seechange_core.simulation.exposure import Conditions, static_light
from seechange_core.simulation.sky import Sky, random_sky
from seechange_decam.geometry import PIXEL_SCALE_ARCSEC, SECTIONS, SHAPE, nominal_mapping, table_rows

_RAW_SHAPE = (4146, 2160)
_HALF = SHAPE[1] // 2
#: First column of the light of the left and of the right amplifier, and of their overscan, which lies outside.
_LIGHT_START = (56, 1080)
_OVERSCAN_START = (6, 2104)
_OVERSCAN_COLUMNS = 50
#: Rows of parallel overscan: at the bottom of the S CCDs, at the top of the N CCDs.
_PARALLEL_OVERSCAN_ROWS = 50
_POINTING = (150.1, 2.2)
_POINTING_ERROR_ARCSEC = 8.0
_ROTATION_DEG = 0.05
_LONG_FILTERS = {
    "g": "g DECam SDSS c0001 4720.0 1520.0",
    "r": "r DECam SDSS c0002 6415.0 1480.0",
    "i": "i DECam SDSS c0003 7835.0 1470.0",
}
_START_MJD = 60160.25
_WIDTH_TERMS = (0.01, -0.01, 0.01, 0.005)


def amplifiers_of(section: str) -> tuple[Amplifier, Amplifier]:
    """Return the two amplifiers of a raw CCD; A is the left one on N CCDs and the right one on S CCDs."""
    constants = next(row for row in table_rows("amplifiers.csv") if row["section"] == section)
    return _amplifier(section, "A", constants), _amplifier(section, "B", constants)


def _amplifier(section: str, name: str, constants: Mapping[str, str]) -> Amplifier:
    is_south = section.startswith("S")
    side = int((name == "A") == is_south)
    y0 = _PARALLEL_OVERSCAN_ROWS if is_south else 0
    y1 = y0 + SHAPE[0]
    return Amplifier(
        name=name,
        data=Box(y0, y1, _LIGHT_START[side], _LIGHT_START[side] + _HALF),
        trimmed=Box(0, SHAPE[0], side * _HALF, (side + 1) * _HALF),
        overscan=Box(y0, y1, _OVERSCAN_START[side], _OVERSCAN_START[side] + _OVERSCAN_COLUMNS),
        gain=float(constants[f"gain_{name.lower()}"]),
        read_noise_electron=float(constants[f"read_noise_{name.lower()}"]),
        saturation_adu=float(constants[f"saturation_{name.lower()}"]),
    )


def write_exposure(
    directory: Path,
    seed: int,
    *,
    sections: Sequence[str] = ("S4", "N4"),
    band: str = "r",
    stars_per_arcmin2: float = 2.0,
    galaxies_per_arcmin2: float = 2.0,
) -> Path:
    """Write a simulated raw exposure of 30 s, RICE-compressed, with its truth beside it.

    Parameters
    ----------
    directory : Path
        Is made if it does not exist.
    seed : int
        Of sky, detectors and noise.
    sections : sequence of str
        CCDs to write.
    band : {"g", "r", "i"}
        Filter.
    stars_per_arcmin2, galaxies_per_arcmin2 : float
        Down to 24.5 mag.

    Returns
    -------
    Path
        ``c4d_<date>_<time>_ori.fits.fz``; ``c4d_<date>_<time>_ori.truth.fits`` has section, kind, x, y (pixel,
        trimmed), ra, dec (deg), magnitude (AB) and flux (electron).
    """
    rng = np.random.default_rng(seed)
    conditions = Conditions(
        mjd=_START_MJD + 15.0 / 86400.0,
        exposure_s=30.0,
        band=band,
        seeing_arcsec=1.1,
        sky_electron=330.0,
        zero_point=30.3,
        shear=(0.02, -0.01),
        airmass=1.2,
    )
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header(_primary_cards(conditions)))])
    truths = []
    for section in sections:
        reported = nominal_mapping(section, *_POINTING)
        mapping = _true_mapping(reported)
        sky = _sky_over(rng, mapping, stars_per_arcmin2, galaxies_per_arcmin2, conditions.mjd)
        field = conditions.psf_field(SHAPE, PIXEL_SCALE_ARCSEC, _WIDTH_TERMS)
        light, truth = static_light(sky, mapping, field, conditions)
        detector = random_detector(rng, amplifiers_of(section), _RAW_SHAPE, SHAPE)
        charge = rng.poisson((light + conditions.sky_electron) * detector.response) + cosmic_rays(
            rng, SHAPE, 30
        )
        pixels = read_out(rng, detector, charge)
        cards = _section_cards(section, reported)
        hdus.append(fits.CompImageHDU(pixels, fits.Header(cards), compression_type="RICE_1"))
        truths.append(truth.with_columns(section=np.full(truth.n_rows, section)))
    return _write(directory, conditions, hdus, truths)


def _true_mapping(reported: SkyMapping) -> SkyMapping:
    """Return where the telescope really pointed: off by some arcsec, and turned about the boresight."""
    shift = _POINTING_ERROR_ARCSEC / 3600.0
    angle = math.radians(_ROTATION_DEG)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    crval = (reported.crval[0] + shift, reported.crval[1] - shift)
    return replace(reported, crval=crval, cd=turn @ reported.cd)


def _sky_over(
    rng: np.random.Generator, mapping: SkyMapping, stars: float, galaxies: float, epoch_mjd: float
) -> Sky:
    ny, nx = SHAPE
    ra, dec = mapping.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2)
    # Along x the sky runs south, along y east.
    size = (1.05 * ny * PIXEL_SCALE_ARCSEC, 1.05 * nx * PIXEL_SCALE_ARCSEC)
    return random_sky(
        rng,
        (float(ra), float(dec)),
        size,
        stars_per_arcmin2=stars,
        galaxies_per_arcmin2=galaxies,
        n_variables=0,
        epoch_mjd=epoch_mjd,
    )


def _primary_cards(conditions: Conditions) -> dict[str, Any]:
    return {
        "INSTRUME": "DECam",
        "TELESCOP": "CTIO 4.0-m telescope",
        "PROCTYPE": "RAW",
        "PRODTYPE": "image",
        "OBSTYPE": "object",
        "OBJECT": "simulated field",
        "PROPID": "simulated",
        "FILTER": _LONG_FILTERS[conditions.band],
        "EXPTIME": conditions.exposure_s,
        "DATE-OBS": str(Time(_START_MJD, format="mjd", scale="utc").isot),
        "MJD-OBS": _START_MJD,
        "RA": _sexagesimal(_POINTING[0] / 15.0),
        "DEC": _sexagesimal(_POINTING[1]),
        "AIRMASS": conditions.airmass,
    }


def _section_cards(section: str, reported: SkyMapping) -> dict[str, Any]:
    cards: dict[str, Any] = {
        "EXTNAME": section,
        "CCDNUM": 1 + list(SECTIONS).index(section),
        "DETPOS": section,
    }
    for amplifier in amplifiers_of(section):
        name = amplifier.name
        cards[f"GAIN{name}"] = amplifier.gain
        cards[f"RDNOISE{name}"] = amplifier.read_noise_electron
        cards[f"SATURAT{name}"] = amplifier.saturation_adu
        for keyword in ("DATASEC", "TRIMSEC"):
            cards[f"{keyword}{name}"] = _region(amplifier.data)
        cards[f"CCDSEC{name}"] = _region(amplifier.trimmed)
        if amplifier.overscan is not None:
            cards[f"BIASSEC{name}"] = _region(amplifier.overscan)
    return cards | cards_from_mapping(reported, SHAPE)


def _region(box: Box) -> str:
    return f"[{box.x0 + 1}:{box.x1},{box.y0 + 1}:{box.y1}]"


def _sexagesimal(value: float) -> str:
    thousandths = round(abs(value) * 3.6e6)
    whole, rest = divmod(thousandths, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{'-' if value < 0 else ''}{whole:02d}:{minutes:02d}:{rest / 1000:06.3f}"


def _write(directory: Path, conditions: Conditions, hdus: fits.HDUList, truths: list[ColumnTable]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    stamp = Time(_START_MJD, format="mjd", scale="utc").strftime("%y%m%d_%H%M%S")
    path = directory / f"c4d_{stamp}_ori.fits.fz"
    table = Table({name: np.concatenate([truth[name] for truth in truths]) for name in truths[0]})
    truth_hdu = fits.BinTableHDU(table, fits.Header({"FILTER": conditions.band, "ZP": conditions.zero_point}))
    contents = {
        path: hdus,
        directory / f"c4d_{stamp}_ori.truth.fits": fits.HDUList([fits.PrimaryHDU(), truth_hdu]),
    }
    for target, content in contents.items():
        temporary = target.with_name(f".{os.getpid()}.{target.name}")
        try:
            content.writeto(temporary, overwrite=True)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    return path

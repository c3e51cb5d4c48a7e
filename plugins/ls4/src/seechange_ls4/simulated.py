"""Simulated raw exposures of LS4, in both forms of its files and both modes of its amplifiers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from seechange_core.frames import ColumnTable, Floats, SkyMapping
from seechange_core.simulation.detector import Detector, random_detector, read_out
from seechange_core.simulation.exposure import Conditions, mispointed, static_light
from seechange_core.simulation.sky import Sky, random_sky
from seechange_ls4.geometry import PIXEL_SCALE_ARCSEC, SECTIONS, SHAPE, nominal_mapping
from seechange_ls4.simulated_headers import KINDS, amplifiers_of, images_of, raw_shape

_UNUSED_LEVEL_ADU = 1000
_START_MJD, _FIRST_NUMBER = 61140.25, 14
_BETWEEN_EXPOSURES_DAY = 60.0 / 86400.0
_POINTING = (190.2, -35.4)
_FLAT_ELECTRON = 20000.0
#: The simulated sky has no z: sections with that filter see the magnitudes of i.
_BANDS = {"g": "g", "i": "i", "z": "i"}
_CCDS_OF_A_CONTROLLER = 8


def write_exposure(
    directory: Path,
    seed: int,
    *,
    kind: Literal["science", "bias", "flat"] = "science",
    number: int = 0,
    sections: Sequence[str] = ("NE_A", "SE_C"),
    form: Literal["whole", "parts"] = "whole",
    amplifiers: Literal[1, 2] = 1,
    stars_per_arcmin2: float = 0.3,
    galaxies_per_arcmin2: float = 0.3,
    pointing_error_arcmin: float = 2.0,
    rotation_deg: float = 0.1,
    seeing_arcsec: float = 2.2,
    clouds_mag: float = 0.0,
) -> Path:
    """Write a simulated raw exposure; of 45 s and with its truth beside it if it sees the sky.

    Parameters
    ----------
    directory : Path
        Is made if it does not exist.
    seed : int
        Of the sky and of the CCDs.
    kind : {"science", "bias", "flat"}
        What it sees: the sky, nothing, or 20,000 electrons a pixel of twilight.
    number : int
        Of the exposure: its noise and its time differ from those of other numbers, sky and CCDs do not.
    sections : sequence of str
        CCDs that see it.
    form : {"whole", "parts"}
        One file with these CCDs, RICE-compressed; or one file for every CCD or amplifier of the camera, of which the
        others hold a constant level.
    amplifiers : {1, 2}
        That read each CCD.
    stars_per_arcmin2, galaxies_per_arcmin2 : float
        Down to 24.5 mag.
    pointing_error_arcmin, rotation_deg : float
        How far the telescope points to the south-east of where the header says, and is turned about the boresight.
    seeing_arcsec : float
        FWHM of stars.
    clouds_mag : float
        How much light clouds take.

    Returns
    -------
    Path
        The file, or the first of them; ``<start>s_<number>.truth.fits`` has section, kind, x, y (pixel, trimmed), ra,
        dec (deg), magnitude (AB) and flux (electron).
    """
    properties = KINDS[kind]
    start_mjd = _START_MJD + number * _BETWEEN_EXPOSURES_DAY
    hdus: dict[str, list[fits.CompImageHDU]] = {}
    truths = []
    for section in sections:
        ccd = list(SECTIONS).index(section)
        lasting = np.random.default_rng([seed, ccd])
        detector = random_detector(lasting, amplifiers_of(section, amplifiers), raw_shape(amplifiers), SHAPE)
        rng = np.random.default_rng([seed, ccd, 1 + number, list(KINDS).index(kind)])
        charge: Floats = np.zeros(SHAPE)
        if kind == "flat":
            charge = rng.poisson(_FLAT_ELECTRON * detector.response).astype(np.float64)
        elif kind == "science":
            conditions = _conditions(section, start_mjd, seeing_arcsec, clouds_mag)
            reported = nominal_mapping(section, *_POINTING)
            mapping = mispointed(reported, pointing_error_arcmin / 60.0, rotation_deg)
            sky = _sky_over(lasting, mapping, stars_per_arcmin2, galaxies_per_arcmin2)
            charge, truth = _exposed(rng, sky, mapping, detector, conditions)
            truths.append(truth.with_columns(section=np.full(truth.n_rows, section)))
        raw = read_out(rng, detector, charge)
        hdus[section] = list(images_of(section, raw, amplifiers, properties, start_mjd, _POINTING))
    start = Time(start_mjd, format="mjd", scale="utc").strftime("%Y%m%d%H%M%S") + properties.letter
    if truths:
        table = Table({name: np.concatenate([truth[name] for truth in truths]) for name in truths[0]})
        cards = fits.Header({"EPOCH": conditions.mjd})
        _write(
            directory / f"{start}_{_FIRST_NUMBER + number:05d}.truth.fits", [fits.BinTableHDU(table, cards)]
        )
    if form == "parts":
        unused = np.full(raw_shape(amplifiers), _UNUSED_LEVEL_ADU, np.uint16)
        for section in SECTIONS:
            if section not in hdus:
                images = images_of(section, unused, amplifiers, properties, start_mjd, _POINTING)
                hdus[section] = list(images)
        return _write_parts(directory, start, _FIRST_NUMBER + number, hdus)
    path = directory / f"{start}_{_FIRST_NUMBER + number:05d}.fits.fz"
    _write(path, [hdu for images in hdus.values() for hdu in images])
    return path


def _conditions(section: str, start_mjd: float, seeing_arcsec: float, clouds_mag: float) -> Conditions:
    exposure_s = KINDS["science"].exposure_s
    return Conditions(
        mjd=start_mjd + exposure_s / 2.0 / 86400.0,
        exposure_s=exposure_s,
        band=_BANDS[SECTIONS[section].filter],
        seeing_arcsec=seeing_arcsec,
        sky_electron=400.0,
        zero_point=28.0 - clouds_mag,
    )


def _exposed(
    rng: np.random.Generator, sky: Sky, mapping: SkyMapping, detector: Detector, conditions: Conditions
) -> tuple[Floats, ColumnTable]:
    """Return the charge that the sky leaves on a CCD, and the truth."""
    field = conditions.psf_field(SHAPE, PIXEL_SCALE_ARCSEC, (0.01, 0.01, 0.01, 0.0))
    light, truth = static_light(sky, mapping, field, conditions)
    charge = rng.poisson((light + conditions.sky_electron) * detector.response)
    return charge.astype(np.float64), truth


def _sky_over(rng: np.random.Generator, mapping: SkyMapping, stars: float, galaxies: float) -> Sky:
    ra, dec = mapping.pixel_to_sky((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)
    return random_sky(
        rng,
        (float(ra), float(dec)),
        (1.03 * SHAPE[1] * PIXEL_SCALE_ARCSEC, 1.03 * SHAPE[0] * PIXEL_SCALE_ARCSEC),
        stars_per_arcmin2=stars,
        galaxies_per_arcmin2=galaxies,
        n_variables=0,
        epoch_mjd=_START_MJD,
    )


def _write_parts(
    directory: Path, start: str, number: int, hdus: Mapping[str, Sequence[fits.CompImageHDU]]
) -> Path:
    """Write one file for every CCD or amplifier, and return the first."""
    paths = []
    for position, section in enumerate(SECTIONS):
        controller, ccd = divmod(position, _CCDS_OF_A_CONTROLLER)
        images = hdus[section]
        for part, hdu in enumerate(images, start=ccd * len(images)):
            paths.append(directory / f"{start}C{controller}_{number:05d}_{part:02d}.fits.fz")
            _write(paths[-1], [hdu])
    return paths[0]


def _write(path: Path, hdus: Iterable[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(temporary, overwrite=True)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

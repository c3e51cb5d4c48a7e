"""Simulated raw exposures of DECam: its real read-out geometry and constants under an invented sky."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from seechange_core.frames import ColumnTable, Floats, SkyMapping
from seechange_core.simulation.detector import Detector, cosmic_rays, random_detector, read_out
from seechange_core.simulation.exposure import Conditions, mispointed, static_light
from seechange_core.simulation.sky import Sky, random_sky
from seechange_decam.geometry import CCD_NUMBERS, PIXEL_SCALE_ARCSEC, SHAPE, nominal_mapping
from seechange_decam.simulated_headers import KINDS, RAW_SHAPE, amplifiers_of, primary_cards, section_cards

_POINTING = (150.1, 2.2)
_START_MJD = 60160.25
_BETWEEN_EXPOSURES_DAY = 60.0 / 86400.0
_WIDTH_TERMS = (0.01, -0.01, 0.01, 0.005)
_FLAT_ELECTRON = 60000.0


def write_exposure(
    directory: Path,
    seed: int,
    *,
    kind: Literal["science", "bias", "flat"] = "science",
    number: int = 0,
    sections: Sequence[str] = ("S4", "N4"),
    band: str = "r",
    stars_per_arcmin2: float = 2.0,
    galaxies_per_arcmin2: float = 2.0,
    pointing_error_arcsec: float = 11.3,
    rotation_deg: float = 0.05,
    seeing_arcsec: float = 1.1,
    clouds_mag: float = 0.0,
) -> Path:
    """Write a simulated raw exposure, RICE-compressed; of 30 s and with its truth beside it if it sees the sky.

    Parameters
    ----------
    directory : Path
        Is made if it does not exist.
    seed : int
        Of the sky and of the CCDs.
    kind : {"science", "bias", "flat"}
        What it sees: the sky, nothing, or 60,000 electrons a pixel.
    number : int
        Of the exposure: its noise and its time differ from those of other numbers, sky and CCDs do not.
    sections : sequence of str
        CCDs to write.
    band : {"g", "r", "i"}
        Filter.
    stars_per_arcmin2, galaxies_per_arcmin2 : float
        Down to 24.5 mag.
    pointing_error_arcsec, rotation_deg : float
        How far the telescope's own WCS is off, to the south-east and about the boresight.
    seeing_arcsec : float
        FWHM of stars.
    clouds_mag : float
        How much light clouds take.

    Returns
    -------
    Path
        ``c4d_<date>_<time>_ori.fits.fz`` (``zri``: bias, ``fri``: flat); ``c4d_<date>_<time>_ori.truth.fits`` has
        section, kind, x, y (pixel, trimmed), ra, dec (deg), magnitude (AB) and flux (electron).
    """
    properties = KINDS[kind]
    start_mjd = _START_MJD + number * _BETWEEN_EXPOSURES_DAY
    conditions = Conditions(
        mjd=start_mjd + properties.exposure_s / 2.0 / 86400.0,
        exposure_s=properties.exposure_s,
        band=band,
        seeing_arcsec=seeing_arcsec,
        sky_electron=330.0,
        zero_point=30.3 - clouds_mag,
        shear=(0.02, -0.01),
        airmass=1.2,
    )
    primary = fits.Header(primary_cards(properties, conditions, start_mjd, _POINTING))
    hdus = fits.HDUList([fits.PrimaryHDU(header=primary)])
    truths = []
    for section in sections:
        lasting = np.random.default_rng([seed, CCD_NUMBERS[section]])
        detector = random_detector(lasting, amplifiers_of(section), RAW_SHAPE, SHAPE)
        rng = np.random.default_rng([seed, CCD_NUMBERS[section], 1 + number, list(KINDS).index(kind)])
        reported = nominal_mapping(section, *_POINTING)
        charge: Floats = np.zeros(SHAPE)
        if kind == "flat":
            charge = rng.poisson(_FLAT_ELECTRON * detector.response).astype(np.float64)
        elif kind == "science":
            mapping = mispointed(reported, pointing_error_arcsec / 3600.0, rotation_deg)
            sky = _sky_over(lasting, mapping, stars_per_arcmin2, galaxies_per_arcmin2)
            charge, truth = _exposed(rng, sky, mapping, detector, conditions)
            truths.append(truth.with_columns(section=np.full(truth.n_rows, section)))
        pixels = read_out(rng, detector, charge)
        header = fits.Header(section_cards(section, reported))
        hdus.append(fits.CompImageHDU(pixels, header, compression_type="RICE_1"))
    stamp = Time(start_mjd, format="mjd", scale="utc").strftime("%y%m%d_%H%M%S")
    path = directory / f"c4d_{stamp}_{properties.letters}.fits.fz"
    _write(path, hdus)
    if truths:
        _write_truth(path, conditions, truths)
    return path


def _exposed(
    rng: np.random.Generator, sky: Sky, mapping: SkyMapping, detector: Detector, conditions: Conditions
) -> tuple[Floats, ColumnTable]:
    """Return the charge that the sky leaves on a CCD, and the truth."""
    field = conditions.psf_field(SHAPE, PIXEL_SCALE_ARCSEC, _WIDTH_TERMS)
    light, truth = static_light(sky, mapping, field, conditions)
    charge = rng.poisson((light + conditions.sky_electron) * detector.response)
    return charge + cosmic_rays(rng, SHAPE, 30), truth


def _sky_over(rng: np.random.Generator, mapping: SkyMapping, stars: float, galaxies: float) -> Sky:
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
        epoch_mjd=_START_MJD,
    )


def _write_truth(path: Path, conditions: Conditions, truths: Sequence[ColumnTable]) -> None:
    table = Table({name: np.concatenate([truth[name] for truth in truths]) for name in truths[0]})
    cards = {"FILTER": conditions.band, "ZP": conditions.zero_point, "EPOCH": conditions.mjd}
    hdu = fits.BinTableHDU(table, fits.Header(cards))
    name = path.name.removesuffix(".fits.fz") + ".truth.fits"
    _write(path.with_name(name), fits.HDUList([fits.PrimaryHDU(), hdu]))


def _write(path: Path, content: fits.HDUList) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        content.writeto(temporary, overwrite=True)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

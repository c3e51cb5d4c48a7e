"""When, where and under which conditions the simulated survey observes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from seechange_core.simulation.exposure import Conditions
from seechange_core.simulation.sky import Sky, random_sky

FIELD_RA_DEG, FIELD_DEC_DEG = 150.1, 2.2
#: J2016.0, the epoch of the catalogue.
CATALOG_EPOCH_MJD = 57388.5
_FIELD_ARCSEC = (680.0, 400.0)
_FIRST_REFERENCE_MJD = 60985.2
_FIRST_NEW_MJD = 61101.1
N_REFERENCE = 6
N_NEW = 3
_EXPOSURE_S = 60.0
_ZERO_POINT = 30.0
_FIRST_NUMBER = 21


@dataclass(frozen=True)
class Visit:
    """One exposure of the sky.

    Parameters
    ----------
    number : int
        Of the file.
    is_new : bool
        False for the epochs of the reference.
    conditions : Conditions
    ra_deg, dec_deg : float
        Where the camera truly points.
    reported_ra_deg, reported_dec_deg : float
        What the header says: wrong by up to 5 arcsec.
    """

    number: int
    is_new: bool
    conditions: Conditions
    ra_deg: float
    dec_deg: float
    reported_ra_deg: float
    reported_dec_deg: float


def survey_visits(seed: int) -> tuple[Visit, ...]:
    """Return the exposures of the sky in the order of time."""
    rng = np.random.default_rng([seed, 0])
    times = [_FIRST_REFERENCE_MJD + 4.0 * number for number in range(N_REFERENCE)]
    times += [_FIRST_NEW_MJD + 3.0 * number for number in range(N_NEW)]
    return tuple(_visit(rng, number, mjd) for number, mjd in enumerate(times))


def survey_sky(seed: int) -> Sky:
    """Return stars and galaxies of the field, without transients."""
    return random_sky(
        np.random.default_rng([seed, 7]),
        (FIELD_RA_DEG, FIELD_DEC_DEG),
        _FIELD_ARCSEC,
        stars_per_arcmin2=35.0,
        galaxies_per_arcmin2=20.0,
        n_variables=12,
        epoch_mjd=CATALOG_EPOCH_MJD,
    )


def night_of(mjd: float) -> str:
    """Return the date (UTC) of the noon before, as YYYYMMDD."""
    noon = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=math.floor(mjd - 0.5) + 0.5)
    return noon.strftime("%Y%m%d")


def _visit(rng: np.random.Generator, number: int, mjd: float) -> Visit:
    is_new = number >= N_REFERENCE
    seeing = rng.uniform(1.0, 1.3) if is_new else rng.uniform(0.9, 1.2)
    transparency = rng.uniform(0.85, 1.0)
    conditions = Conditions(
        mjd=mjd + float(rng.uniform(0.0, 0.1)),
        exposure_s=_EXPOSURE_S,
        band="r",
        seeing_arcsec=float(seeing),
        sky_electron=float(rng.uniform(700.0, 1000.0)),
        zero_point=_ZERO_POINT + 2.5 * math.log10(transparency),
        shear=(float(rng.normal(0.0, 0.015)), float(rng.normal(0.0, 0.015))),
        airmass=round(float(rng.uniform(1.0, 1.5)), 3),
    )
    stretch = 1.0 / math.cos(math.radians(FIELD_DEC_DEG))
    dither_ra, dither_dec = np.clip(rng.normal(0.0, 3.0, 2), -7.0, 7.0) / 3600.0
    error_ra, error_dec = rng.uniform(-3.5, 3.5, 2) / 3600.0
    ra, dec = FIELD_RA_DEG + dither_ra * stretch, FIELD_DEC_DEG + dither_dec
    return Visit(
        number=_FIRST_NUMBER + number,
        is_new=is_new,
        conditions=conditions,
        ra_deg=float(ra),
        dec_deg=float(dec),
        reported_ra_deg=float(ra + error_ra * stretch),
        reported_dec_deg=float(dec + error_dec),
    )

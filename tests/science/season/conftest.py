"""A season of one field with one CCD of the simulated camera, through the whole chain.

Twenty nights with thirty transients, twenty variable stars and five asteroids, after six nights for the reference.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seechange_core.builtin.simcam import SECTIONS
from seechange_core.builtin.simcam_camera import (
    detector_of,
    expose_bias,
    expose_flat,
    expose_sky,
    true_mapping,
    true_psf,
)
from seechange_core.builtin.simcam_files import date_of, write_raw, write_tables
from seechange_core.builtin.survey_plan import CATALOG_EPOCH_MJD, night_of
from seechange_core.frames import ColumnTable, Floats
from seechange_core.frames.mapping import deproject
from seechange_core.pipeline import coadd_plan, exposure_plan, process_schemas, referencing_provenance
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.calibration_frames import build_calibrations
from seechange_core.runner.process import process_sections, register_exposures
from seechange_core.runner.references import build_reference
from seechange_core.runner.services import Services
from seechange_core.simulation.exposure import Conditions, static_light
from seechange_core.simulation.placement import choose_apart, uniform_trials
from seechange_core.simulation.rendering import add_points
from seechange_core.simulation.sky import Sky, random_sky, transient_table
from seechange_core.simulation.star_catalog import gaia_like_catalog

SECTION = "C1"
POINTING = (150.1, 2.2)
N_REFERENCE, N_NIGHTS = 6, 20
N_TRANSIENTS, N_VARIABLES, N_ASTEROIDS = 30, 20, 5
FIRST_REFERENCE_MJD, FIRST_NIGHT_MJD = 60985.2, 61101.1
COSMIC_RAYS = 8.0
#: Asteroids are on the CCD in so many nights, and move so far from one to the next.
ASTEROID_NIGHTS, ASTEROID_STEP_ARCSEC = 3, 50.0


@dataclass(frozen=True)
class Season:
    """What was simulated, and the store that holds what was found.

    Attributes
    ----------
    sky : Sky
        With transients; variables have an amplitude.
    asteroids : ColumnTable
        ``id``, ``mjd``, ``ra``, ``dec``, ``magnitude``: each time that one was on the CCD.
    nights : tuple of Conditions
        Without those of the reference.
    services : Services
        With everything that was processed.
    states : list of str
        How the nights ended.
    cpu_s : float
        What it took, simulation included.
    """

    sky: Sky
    asteroids: ColumnTable
    nights: tuple[Conditions, ...]
    services: Services
    states: list[str]
    cpu_s: float


def conditions(seed: int) -> list[Conditions]:
    rng = np.random.default_rng([seed, 0])
    times = [FIRST_REFERENCE_MJD + 4.0 * number for number in range(N_REFERENCE)]
    times += [FIRST_NIGHT_MJD + 2.0 * number for number in range(N_NIGHTS)]
    return [
        Conditions(
            mjd=mjd + float(rng.uniform(0.0, 0.1)),
            exposure_s=60.0,
            band="r",
            seeing_arcsec=float(rng.uniform(0.95, 1.35)),
            sky_electron=float(rng.uniform(700.0, 1000.0)),
            zero_point=30.0 + 2.5 * math.log10(rng.uniform(0.85, 1.0)),
            shear=(float(rng.normal(0.0, 0.015)), float(rng.normal(0.0, 0.015))),
            airmass=round(float(rng.uniform(1.0, 1.5)), 3),
        )
        for mjd in times
    ]


def centre() -> tuple[float, float]:
    ny, nx = SECTIONS[SECTION].shape
    ra, dec = true_mapping(SECTION, *POINTING).pixel_to_sky((nx - 1) / 2, (ny - 1) / 2)
    return float(ra), float(dec)


def simulated_sky(seed: int, nights: list[Conditions]) -> Sky:
    """Stars and galaxies, and transients that peak in the season, away from stars and edges."""
    rng = np.random.default_rng([seed, 1])
    sky = random_sky(
        rng,
        centre(),
        (310.0, 310.0),
        stars_per_arcmin2=25.0,
        galaxies_per_arcmin2=15.0,
        n_variables=N_VARIABLES,
        epoch_mjd=CATALOG_EPOCH_MJD,
    )
    mapping = true_mapping(SECTION, *POINTING)
    stars = np.stack(mapping.sky_to_pixel(*sky.star_positions(nights[-1].mjd)), axis=1)
    bright = stars[sky.stars["mag_r"] < 17.0]
    trials = uniform_trials(rng, SECTIONS[SECTION].shape, 4000, 60.0)
    columns = np.abs(trials[:, :1] - np.array(detector_of(SECTION).bad_columns)).min(axis=1)
    places = choose_apart(
        trials[columns > 40.0], N_TRANSIENTS, 28.0, np.empty((0, 2)), [(stars, 10.0), (bright, 40.0)]
    )
    ra, dec = mapping.pixel_to_sky(places[:, 0], places[:, 1])
    number = len(places)
    transients = {
        "ra": ra,
        "dec": dec,
        "host": np.full(number, -1),
        "peak_magnitude": rng.permutation(np.linspace(18.5, 21.8, number)),
        "peak_mjd": rng.uniform(nights[0].mjd, nights[-1].mjd, number),
        "rise_day": rng.uniform(2.0, 4.0, number),
        "decay_day": rng.uniform(8.0, 30.0, number),
    }
    return replace(sky, transients=transient_table(transients))


def asteroids(seed: int, nights: list[Conditions]) -> ColumnTable:
    """Paths along straight lines through the CCD, three nights each."""
    rng = np.random.default_rng([seed, 2])
    rows = []
    for number in range(N_ASTEROIDS):
        first, angle = int(rng.integers(0, N_NIGHTS - ASTEROID_NIGHTS)), rng.uniform(0.0, 2.0 * math.pi)
        middle = rng.uniform(-60.0, 60.0, 2)
        for step in range(ASTEROID_NIGHTS):
            along = (step - 1) * ASTEROID_STEP_ARCSEC
            east, north = middle + along * np.array([math.cos(angle), math.sin(angle)])
            ra, dec = deproject(np.array([east / 3600]), np.array([north / 3600]), centre())
            rows.append((number, nights[first + step].mjd, float(ra[0]), float(dec[0]), 19.5 + 0.3 * number))
    names = ("id", "mjd", "ra", "dec", "magnitude")
    return ColumnTable(dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True)))


def write_night(
    path: Path, rng: np.random.Generator, sky: Sky, moving: ColumnTable, night: Conditions, *, changes: bool
) -> None:
    offset = rng.normal(0.0, 3.0, 2).clip(-7.0, 7.0) / 3600.0
    pointing = POINTING[0] + offset[0], POINTING[1] + offset[1]
    mapping, field = true_mapping(SECTION, *pointing), true_psf(SECTION, night)
    light, _ = static_light(sky, mapping, field, night)
    if changes:
        own = moving.rows(moving["mjd"] == night.mjd)
        for table, magnitude in (
            (sky.transients, sky.transient_magnitudes(night.mjd)),
            (own, own["magnitude"]),
        ):
            add_points(light, field, *mapping.sky_to_pixel(table["ra"], table["dec"]), night.flux(magnitude))
    cards = {"OBSTYPE": "object", "OBJECT": "season", "FILTER": night.band, "AIRMASS": night.airmass}
    cards |= {"RA": round(pointing[0] + 0.0005, 6), "DEC": round(pointing[1] - 0.0005, 6)}
    pixels = expose_sky(rng, detector_of(SECTION), light, night, COSMIC_RAYS)
    write_raw(path, common_cards(night.mjd, night.exposure_s) | cards, {SECTION: pixels})


def common_cards(mjd: float, exposure_s: float) -> dict[str, Any]:
    cards = {"INSTRUME": "SIMCAM", "TELESCOP": "simulated", "SIMULATE": True, "PROPID": "SIMULATION"}
    return cards | {"DATE-OBS": date_of(mjd - exposure_s / 2 / 86400), "EXPTIME": exposure_s}


def write_calibrations(folder: Path, seed: int) -> dict[str, list[Path]]:
    written: dict[str, list[Path]] = {"bias": [], "flat": []}
    detector = detector_of(SECTION)
    for number in range(6):
        kind = "bias" if number < 3 else "flat"
        rng = np.random.default_rng([seed, 3, number])
        mjd = FIRST_REFERENCE_MJD - 0.4 + number / 1440
        cards = common_cards(mjd, 0.0 if kind == "bias" else 10.0)
        cards |= {"OBSTYPE": "zero"} if kind == "bias" else {"OBSTYPE": "dome flat", "FILTER": "r"}
        pixels = expose_bias(rng, detector) if kind == "bias" else expose_flat(rng, detector)
        path = folder / f"simcam_{night_of(mjd)}_{number + 1:03d}.fits"
        write_raw(path, cards, {SECTION: pixels})
        written[kind].append(path)
    return written


def process(services: Services, paths: list[Path], through: str) -> list[str]:
    plan = exposure_plan(services.profile).through(through)
    tasks, failures = register_exposures(services, ((path,) for path in paths), [SECTION])
    assert failures == []
    reports = process_sections(services, plan, tasks)
    return [f"{report.state} {report.reason}".strip() for report in reports]


@pytest.fixture(scope="session")
def season(tmp_path_factory: pytest.TempPathFactory) -> Season:
    """Simulate and process the season of seed 1; `make science` has no other, for each takes a minute."""
    seed, started = 1, time.process_time()
    folder = tmp_path_factory.mktemp("season")
    epochs = conditions(seed)
    nights = epochs[N_REFERENCE:]
    sky, moving = simulated_sky(seed, nights), asteroids(seed, nights)
    catalog = folder / "stars.fits"
    write_tables(catalog, {"STARS": gaia_like_catalog(np.random.default_rng([seed, 4]), sky)})
    paths = []
    for number, epoch in enumerate(epochs):
        paths.append(folder / f"simcam_{night_of(epoch.mjd)}_{number + 11:03d}.fits")
        rng = np.random.default_rng([seed, 5, number])
        write_night(paths[-1], rng, sky, moving, epoch, changes=number >= N_REFERENCE)

    stars = [
        f"{step}.catalog.{key}"
        for step in ("astrocal", "photocal")
        for key in ("use=file", f"file.path={catalog}")
    ]
    services = Services.of(
        load_profile(
            Registry(),
            process_schemas(),
            instrument="simcam",
            assignments=[f"storage.root={folder / 'data'}", *stars],
        )
    )
    for kind, files in write_calibrations(folder, seed).items():
        build_calibrations(services, kind, [(path,) for path in files])
    assert process(services, paths[:N_REFERENCE], "photocal") == ["done"] * N_REFERENCE
    profile = services.profile
    services.store.provenances.register([*coadd_plan(profile).provenances(), referencing_provenance(profile)])
    build_reference(services, filter="r", position=centre(), reference_set="default")
    states = process(services, paths[N_REFERENCE:], "scoring")
    return Season(sky, moving, tuple(nights), services, states, time.process_time() - started)


@pytest.fixture(scope="session")
def true_njy() -> Callable[[Floats], Floats]:
    """Turn magnitudes into nJy."""
    return lambda magnitude: np.asarray(10 ** (0.4 * (31.4 - magnitude)))

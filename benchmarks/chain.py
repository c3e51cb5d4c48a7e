"""Seconds, memory and SQL statements of the whole chain on one CCD, step by step.

    python benchmarks/chain.py [--rows 4096] [--columns 2048] [--repeat 3] [--functions 0]

A new image with 300 transients to be found and a reference are simulated as plain FITS files. The reference is
calibrated and registered; then the new image goes through the runner into a new store each time, from its detrended
pixels to measurements that are scored and associated: reading, saving and the database are included. CPU seconds of
this process with one thread, best of several runs after one that compiles and is not counted.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from sqlalchemy import Engine, event

from seechange_core.frames import Frame, SkyMapping
from seechange_core.imaging.astrometry.wcs_cards import cards_from_mapping
from seechange_core.pipeline import (
    ASSOCIATION,
    EXPOSURE_CHAIN,
    coadd_plan,
    exposure_plan,
    process_schemas,
    referencing_provenance,
)
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.process import process_sections, register
from seechange_core.runner.references import build_reference
from seechange_core.runner.resources import peak_mb, restart_peak
from seechange_core.runner.section_report import DONE, SectionReport
from seechange_core.runner.services import Services
from seechange_core.runner.workers import WORKER_ENVIRONMENT
from seechange_core.simulation.image_pair import CCD_SHAPE, CONDITIONS, image_pair, with_sky
from seechange_core.simulation.pair import PIXEL_SCALE_ARCSEC

_CONDITIONS = replace(CONDITIONS["aligned"], n_transients=400)
_FIELD = (150.1, 2.2)
#: The camera is turned a little against the grid of references.
_ANGLE = np.radians(0.3)
_FAINTEST_MAG = 21.0
#: Saving and reading apart, they are a part of each step.
EXPOSURE_STEPS = tuple(step.process for step in EXPOSURE_CHAIN)
_SAVING, _READING = "of this saving", "of this reading"


@dataclass
class Costs:
    """What one run cost, by step."""

    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    peak_mb: dict[str, float] = field(default_factory=dict)
    statements: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    n_measurements: int = 0


def prepared(folder: Path, shape: tuple[int, int]) -> None:
    """Write both images and the catalogue, and a store with the reference."""
    simulated = image_pair(1, shape, _CONDITIONS)
    mapping = _mapping(shape)
    n_ref_exposures = _CONDITIONS.n_ref_exposures
    _write(folder / "reference.fits", simulated.ref, n_ref_exposures, mapping, "2026-01-01T00:00:00")
    _write(folder / "new.fits", simulated.new, 1, mapping, "2026-03-01T00:00:00")
    stars = simulated.stars.rows(simulated.stars["magnitude"] < _FAINTEST_MAG)
    ra, dec = mapping.pixel_to_sky(stars["x"], stars["y"])
    error_mas = np.full(len(ra), 0.5)
    columns = {
        "ra": ra,
        "dec": dec,
        "mag_r": stars["magnitude"],
        "ra_error": error_mas,
        "dec_error": error_mas,
    }
    Table(columns).write(folder / "stars.fits")
    services = _services(folder, folder / "store")
    report = _process(services, folder / "reference.fits", "photocal")
    if report.state != DONE:
        raise SystemExit(f"reference: {report.step}: {report.reason}")
    profile = services.profile
    services.store.provenances.register([*coadd_plan(profile).provenances(), referencing_provenance(profile)])
    build_reference(
        services, filter="r", position=_FIELD, reference_set=profile.parameters("subtraction").reference_set
    )
    services.store.database.close()


def _write(path: Path, frame: Frame, n_exposures: int, mapping: SkyMapping, date: str) -> None:
    """Write the mean of some exposures: each of its numbers stands for as many electrons."""
    hdu = fits.PrimaryHDU(with_sky(frame, _CONDITIONS).data)
    read_noise_electron = _CONDITIONS.read_noise_electron * np.sqrt(n_exposures)
    cards = {"DATE-OBS": date, "EXPTIME": 60.0, "FILTER": "r", "SATURATE": 1e6, "GAIN": float(n_exposures)}
    cards |= {"RDNOISE": read_noise_electron, **cards_from_mapping(mapping, frame.shape, "sip")}
    hdu.header.update(cards)
    hdu.writeto(path)


def _mapping(shape: tuple[int, int]) -> SkyMapping:
    scale = PIXEL_SCALE_ARCSEC / 3600.0
    turn = np.array([[np.cos(_ANGLE), -np.sin(_ANGLE)], [np.sin(_ANGLE), np.cos(_ANGLE)]])
    return SkyMapping(_FIELD, ((shape[1] - 1) / 2, (shape[0] - 1) / 2), turn @ np.diag([-scale, scale]))


def _services(folder: Path, root: Path) -> Services:
    catalogs = [f"{process}.catalog" for process in ("astrocal", "photocal")]
    assignments = [
        f"storage.root={root}",
        *(f"{catalog}.use=file" for catalog in catalogs),
        *(f"{catalog}.file.path={folder / 'stars.fits'}" for catalog in catalogs),
    ]
    profile = load_profile(
        Registry(), process_schemas(), instrument="fits", assignments=assignments, environment={}
    )
    return Services.of(profile)


def _process(
    services: Services, exposure: Path, through: str, started: Callable[[str], None] = lambda process: None
) -> SectionReport:
    plan = exposure_plan(services.profile).through(through)
    tasks, failure = register(services, (exposure,))
    if failure is not None:
        raise SystemExit(failure.reason)
    (report,) = process_sections(services, plan, tasks, started=lambda step: started(step.process))
    if report.state != DONE:
        raise SystemExit(f"{exposure.name}: {report.step}: {report.reason}")
    return report


def run(folder: Path, name: str) -> Costs:
    """Take the new image through the chain in a copy of the store."""
    root = folder / name
    shutil.copytree(folder / "store", root)
    services = _services(folder, root)
    costs, step = Costs(), [""]
    products = services.store.products
    products.save = _timed(products.save, costs.cpu_s, _SAVING)  # type: ignore[method-assign]
    products.load = _timed(products.load, costs.cpu_s, _READING)  # type: ignore[method-assign]
    clock = time.process_time()

    def started(process: str) -> None:
        nonlocal clock
        now = time.process_time()
        costs.cpu_s[step[0]] += now - clock
        costs.peak_mb[step[0]] = peak_mb()
        restart_peak()
        step[0], clock = process, now

    with _counted(costs.statements, step):
        report = _process(services, folder / "new.fits", "scoring", started)
        started("")
    services.store.database.close()
    shutil.rmtree(root)
    costs.n_measurements = sum(report.association.values())
    return costs


def _timed(action: Callable[..., Any], seconds: dict[str, float], name: str) -> Callable[..., Any]:
    def timed(*arguments: Any, **options: Any) -> Any:
        started = time.process_time()
        try:
            return action(*arguments, **options)
        finally:
            seconds[name] += time.process_time() - started

    return timed


@contextmanager
def _counted(found: dict[str, Counter[str]], step: list[str]) -> Iterator[None]:
    """Count what is sent to the database, without settings and transaction control; an executemany is one."""

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        words = statement.split()
        if words[0] not in {"PRAGMA", "BEGIN", "COMMIT", "SET"}:
            found[step[0]][" ".join(words[:3])] += 1

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def _measure(folder: Path, repeat: int, n_functions: int) -> None:
    runs = [run(folder, f"run {number}") for number in range(repeat + 1)]
    first, *warm = runs
    steps = [*EXPOSURE_STEPS, ASSOCIATION]
    print(f"{first.n_measurements} measurements")
    print(f"{'step':18}{'CPU s':>8}{'peak MB':>9}{'statements':>12}")
    best = {name: min(costs.cpu_s[name] for costs in warm) for name in (*steps, _SAVING, _READING)}
    for name in steps:
        statements = warm[0].statements[name].total()
        print(f"{name:18}{best[name]:8.2f}{first.peak_mb[name]:9.0f}{statements:12d}")
    counted = steps[1:]
    total_s = min(sum(costs.cpu_s[name] for name in counted) for costs in warm)
    statements = sum(warm[0].statements[name].total() for name in counted)
    print(f"{'from extraction on':18}{total_s:8.2f}{max(first.peak_mb.values()):9.0f}{statements:12d}")
    for name in (_SAVING, _READING):
        print(f"{name:18}{best[name]:8.2f}")
    if n_functions:
        with cProfile.Profile() as profile:
            run(folder, "profile")
        pstats.Stats(profile).sort_stats("tottime").print_stats(n_functions)


def main() -> None:
    """Print the costs by step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=CCD_SHAPE[0])
    parser.add_argument("--columns", type=int, default=CCD_SHAPE[1])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--functions", type=int, default=0, help="print so many of the slowest functions")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # In processes of their own, as workers have it, so that the memory that is printed is that of the chain.
        os.environ.update(WORKER_ENVIRONMENT)
        for action, *arguments in (
            (prepared, (given.rows, given.columns)),
            (_measure, given.repeat, given.functions),
        ):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
                executor.submit(action, folder, *arguments).result()


if __name__ == "__main__":
    main()

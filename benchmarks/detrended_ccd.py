"""Seconds, memory and bytes that one raw DECam CCD takes from its file to a zero point, step by step.

    python benchmarks/detrended_ccd.py [--repeat 4] [--stars 2.0] [--functions 0]

A raw exposure of one CCD (2048 x 4096 pixels) is simulated and bias and flat are built. Then the section goes through
the camera's default profile, from preprocessing to photocal, into a new store each time: reading, saving and the
database are included. CPU seconds of this process with one thread, best of several runs after one that compiles.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from astropy.table import Table

from seechange_core.pipeline import exposure_plan, process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.calibration_frames import build_calibrations
from seechange_core.runner.process import process_sections, register
from seechange_core.runner.section_report import DONE, SectionReport
from seechange_core.runner.services import Services
from seechange_core.store.formats.frame import frame_bytes, read_frame

SECTION = "N4"
FAINTEST_MAG = 21.0
STEPS = ("preprocessing", "extraction", "astrocal", "photocal")


def prepared(folder: Path, stars_per_arcmin2: float) -> tuple[Path, Path]:
    """Write the exposure, a star catalogue, and a store with bias and flat; return exposure and catalogue."""
    camera = Registry().component("instrument", "decam")()
    options = {"seed": 1, "sections": (SECTION,), "stars_per_arcmin2": stars_per_arcmin2}
    path: Path = camera.write_simulated(folder, **options)
    truth = Table.read(path.with_name(path.name.replace(".fits.fz", ".truth.fits")))
    stars = truth[(truth["kind"] == "star") & (truth["magnitude"] < FAINTEST_MAG)]
    error_mas = np.full(len(stars), 0.5)
    columns = {"ra": stars["ra"], "dec": stars["dec"], "mag_r": stars["magnitude"]}
    catalog = folder / "stars.fits"
    Table({**columns, "ra_error": error_mas, "dec_error": error_mas}).write(catalog)
    services = services_of(folder / "store", catalog, ())
    for kind in ("bias", "flat"):
        files = [camera.write_simulated(folder, **options, kind=kind, number=number) for number in range(3)]
        build_calibrations(services, kind, [(file,) for file in files])
    services.store.database.close()
    return path, catalog


def services_of(root: Path, catalog: Path, assignments: Sequence[str]) -> Services:
    """Open a store with the camera's profile."""
    catalogs = [f"{process}.catalog" for process in ("astrocal", "photocal")]
    assignments = [
        f"storage.root={root}",
        *(f"{one}.use=file" for one in catalogs),
        *(f"{one}.file.path={catalog}" for one in catalogs),
        *assignments,
    ]
    return Services.of(
        load_profile(
            Registry(), process_schemas(), instrument="decam", assignments=assignments, environment={}
        )
    )


def run(folder: Path, name: str, exposure: Path, catalog: Path, assignments: Sequence[str]) -> SectionReport:
    """Take the section through the chain in a copy of the store."""
    root = folder / name
    shutil.copytree(folder / "store", root)
    services = services_of(root, catalog, assignments)
    plan = exposure_plan(services.profile).through(STEPS[-1])
    tasks, _ = register(services, (exposure,), (SECTION,))
    (report,) = process_sections(services, plan, tasks)
    services.store.database.close()
    if report.state != DONE:
        raise SystemExit(f"{report.step}: {report.reason}")
    return report


def megabytes(root: Path) -> dict[str, float]:
    """Sizes of the saved products by role."""
    found: dict[str, float] = {}
    for process in STEPS:
        for file in root.rglob(f"{process}/*.fits*"):
            role = file.name.split("_")[1]
            found[role] = found.get(role, 0.0) + file.stat().st_size / 1e6
    return found


def main() -> None:
    """Print seconds by step, memory, and sizes of the products."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--stars", type=float, default=2.0, help="per square arcminute, down to 24.5 mag")
    parser.add_argument("--functions", type=int, default=0, help="print so many of the slowest functions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # In a process of its own, so that the memory that is printed is that of the chain.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            exposure, catalog = executor.submit(prepared, folder, options.stars).result()
        services = services_of(folder / "store", catalog, ())
        corrections = [one.name for one in services.profile.components("preprocessing")[""]]
        services.store.database.close()
        without = [name for name in corrections if name != "cosmicrays"]
        for title, names in (("cosmic rays off", without), ("cosmic rays on", corrections)):
            assignments = [f"preprocessing.use=[{','.join(names)}]"]
            runs = [
                run(folder, f"{title} {number}", exposure, catalog, assignments)
                for number in range(options.repeat + 1)
            ]
            print_figures(f"{title}: {', '.join(names)}", runs, megabytes(folder / f"{title} 1"))
        print("of this for files (CPU seconds)")
        for name, seconds in file_seconds(folder, exposure, catalog, options.repeat).items():
            print(f"  {name:24s} {seconds:6.2f} s")
        if options.functions:
            with cProfile.Profile() as profile:
                run(folder, "profile", exposure, catalog, assignments)
            pstats.Stats(profile).sort_stats("tottime").print_stats(options.functions)


def file_seconds(folder: Path, exposure: Path, catalog: Path, repeat: int) -> dict[str, float]:
    """Return what reading and writing the large files takes, which is a part of the steps."""
    services = services_of(folder / "store", catalog, ())
    instrument, calibrations = services.instrument, services.store.calibrations
    mjd = instrument.read_header((exposure,)).mjd
    bias, flat = (
        calibrations.find(kind=kind, instrument="decam", section=SECTION, filter="r", mjd=mjd)
        for kind in ("bias", "flat")
    )
    saved = next((folder / "cosmic rays on 1").rglob("preprocessing/*_image_*.fits"))
    frame = read_frame(saved)
    work: dict[str, Callable[[], object]] = {
        "read the raw CCD": lambda: instrument.read((exposure,), SECTION),
        "read the bias": lambda: calibrations.load(bias),
        "read the flat": lambda: calibrations.load(flat),
        "compress the image": lambda: frame_bytes(frame),
        "read it back": lambda: read_frame(saved),
    }
    best = {}
    for name, action in work.items():
        seconds = []
        for _ in range(repeat):
            start = time.process_time()
            action()
            seconds.append(time.process_time() - start)
        best[name] = min(seconds)
    services.store.database.close()
    return best


def print_figures(title: str, runs: Sequence[SectionReport], sizes: dict[str, float]) -> None:
    """Print the best of several runs, and the memory of the first one; it cannot fall again."""
    best = {
        name: min(step.cpu_s for report in runs[1:] for step in report.steps if step.process == name)
        for name in STEPS
    }
    best["extraction to photocal"] = sum(best[name] for name in STEPS[1:])
    best["all"] = best["preprocessing"] + best["extraction to photocal"]
    print(title)
    for name, seconds in best.items():
        print(f"  {name:24s} {seconds:6.2f} s")
    for step in runs[0].steps:
        print(f"  memory through {step.process:14s}{step.peak_memory_mb:6.0f} MB")
    for role, size in sizes.items():
        print(f"  saved {role:18s} {size:6.1f} MB")
    print(f"  saved in all             {sum(sizes.values()):6.1f} MB")


if __name__ == "__main__":
    main()

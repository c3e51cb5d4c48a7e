"""Time forced photometry of one place on many differences of a CCD: ``python benchmarks/forced_photometry.py``.

The differences are noise of a CCD of 2048 x 4096 pixels; the rows of the database and some files, each read many times,
are made first.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from seechange_core.frames import Difference, PhotometricSolution, PsfModel, SkyMapping
from seechange_core.models import (
    Exposure,
    Image,
    Object,
    Product,
    SourceList,
    WorldCoordinates,
    ZeroPoint,
    row_id,
)
from seechange_core.models.sky_index import sky_index
from seechange_core.provenance import Provenance
from seechange_core.registry import Registry
from seechange_core.runner.forced_photometry import force
from seechange_core.runner.light_curve import light_curve
from seechange_core.store import Store
from seechange_core.store.formats.difference import difference_bytes
from seechange_core.store.formats.documents import mapping_document, photometry_document

SHAPE = (4096, 2048)
N_FILES = 10
SCALE_DEG = 0.26 / 3600
CENTRE = (150.0, 2.0)


def main() -> None:
    """Print CPU time and memory of measuring all differences, and of reading the light curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--differences", type=int, default=1000)
    parser.add_argument("--profile", action="store_true", help="Say where the time goes.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open("", Path(folder))
        target = fill(store, arguments.differences)
        force(store, target, "warm")
        profile = cProfile.Profile()
        started, cpu_started = time.perf_counter(), time.process_time()
        if arguments.profile:
            profile.enable()
        n_images = force(store, target, "current")
        profile.disable()
        elapsed_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
        cpu_started = time.process_time()
        table = light_curve(store, Registry(), target, forced=True)
        reading_s = time.process_time() - cpu_started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n_images} differences: {cpu_s:.2f} CPU s, {elapsed_s:.2f} s; the whole process takes {peak_mb:.0f} MB"
    )
    print(f"light curve of {table.n_rows} rows with barycentric times: {reading_s:.2f} CPU s")
    if arguments.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(12)


def fill(store: Store, n_differences: int) -> Object:
    """Write an object and the differences that cover it: one under the tag ``warm``, the others under ``current``."""
    rng = np.random.default_rng(1)
    stems = [written(store, rng, number) for number in range(N_FILES)]
    provenances = {tag: Provenance("subtraction", tag, {}, {}) for tag in ("warm", "current")}
    for tag, provenance in provenances.items():
        store.provenances.set_tag(tag, "simcam", [provenance])
    target = Object(
        id=row_id("one"), name="one", ra=CENTRE[0], dec=CENTRE[1], sky_index=int(sky_index(*CENTRE))
    )
    products, images, others = [], [], []
    for number in range(n_differences + 1):
        provenance = provenances["current" if number else "warm"]
        identity = f"difference {number}"
        products.append(product(identity, "subtraction", provenance.id))
        # Dithered by up to half a CCD.
        crpix = tuple((np.array(SHAPE[::-1]) / 2 + rng.uniform(-500, 500, 2)).tolist())
        mapping = SkyMapping(CENTRE, crpix, np.diag([-SCALE_DEG, SCALE_DEG]))
        images.append(image(identity, 60000.0 + number / 10, mapping, stems[number % N_FILES]))
        others += solutions(identity, mapping)
    base = [product("base", "preprocessing", provenances["warm"].id)]
    with store.database.write() as session:
        session.add_all([exposure(), target, *base])
        session.flush()
        session.add(Image(**{**columns("base", stems[0]), "exposure_id": row_id("exposure"), "section": "A"}))
        session.flush()
        session.add(source_list())
        session.add_all(products)
        session.flush()
        session.add_all(images)
        session.flush()
        session.add_all(others)
    return target


def written(store: Store, rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Write a difference with all its planes."""
    noise = rng.normal(0.0, 30.0, SHAPE).astype(np.float32)
    variance = np.full(SHAPE, 900.0, np.float32)
    profile = np.exp(-(((np.indices((25, 25)) - 12) ** 2).sum(axis=0)) / 6.0)
    coefficients = np.zeros((6, 25, 25), np.float32)
    coefficients[0] = profile / profile.sum()
    psf = PsfModel(coefficients, degree=2, x_zero=1024, y_zero=2048, x_scale=1024, y_scale=2048, fwhm=4.0)
    mask = (rng.random(SHAPE) < 0.003).astype(np.uint16)
    error = np.full(SHAPE, 120.0, np.float32)
    difference = Difference(noise, variance, mask, psf, score=noise / 30, flux_error=error)
    return store.files.write(f"difference_{number}", difference_bytes(difference)).columns()


def columns(identity: str, stem: dict[str, Any]) -> dict[str, Any]:
    """Return what all images have."""
    known = {"instrument": "simcam", "mjd": 60000.0, "exposure_s": 30.0, "filter": "r", "info": {}}
    return {"id": row_id(identity), **known, **stem}


def image(identity: str, mjd: float, mapping: SkyMapping, stem: dict[str, Any]) -> Image:
    """Return the row of a difference."""
    corners = np.transpose(mapping.footprint(SHAPE))
    ra, dec = (float(value[0]) for value in mapping.pixel_to_sky([SHAPE[1] / 2], [SHAPE[0] / 2]))
    row = {
        **columns(identity, stem),
        "mjd": mjd,
        "is_difference": True,
        "new_image_id": row_id("base"),
        "ref_image_id": row_id("base"),
        "ra": ra,
        "dec": dec,
        "sky_index": int(sky_index(ra, dec)),
        "corners": corners.tolist(),
        "radius_deg": 0.17,
    }
    return Image(**row)


def solutions(identity: str, mapping: SkyMapping) -> list[Any]:
    """Return the rows of a difference's sky mapping and zero point."""
    key: dict[str, UUID] = {
        "id": row_id(identity),
        "source_list_id": row_id("base"),
        "image_id": row_id(identity),
    }
    solution = PhotometricSolution(27.0, 0.002, 0.01, 200, "r", catalog="file")
    return [
        WorldCoordinates(**key, n_stars=200, mapping=mapping_document(mapping)),
        ZeroPoint(
            **key,
            calibrated=True,
            n_stars=200,
            filter="r",
            catalog="file",
            solution=photometry_document(solution),
        ),
    ]


def product(identity: str, process: str, provenance_id: str) -> Product:
    """Return the row of a product."""
    told: dict[str, Any] = {"inputs": {}, "metrics": {}, "state": "done", "place": "A", "anchor": identity}
    return Product(
        id=row_id(identity), identity=identity, process=process, provenance_id=provenance_id, **told
    )


def source_list() -> SourceList:
    """Return the row that solutions refer to."""
    return SourceList(id=row_id("base"), image_id=row_id("base"), n_sources=0, path_stem="", components=[])


def exposure() -> Exposure:
    """Return the row of an exposure."""
    known: dict[str, Any] = {
        "section_filters": {},
        "sections": ["A"],
        "info": {},
        "path_stem": "",
        "components": [],
    }
    return Exposure(
        id=row_id("exposure"),
        identity="exposure",
        instrument="simcam",
        kind="science",
        mjd=60000.0,
        exposure_s=30.0,
        processing="raw",
        **known,
    )


if __name__ == "__main__":
    main()

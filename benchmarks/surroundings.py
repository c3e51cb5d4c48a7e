"""Time what is near candidates of a CCD, and asteroids among many orbits: ``python benchmarks/surroundings.py``.

CPU seconds of this process with one thread, best of several runs after one that compiles; of what is done once for a
file of orbits, or once a day, the only run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import best

from seechange_core.api import Component, Site
from seechange_core.frames import (
    Difference,
    Frame,
    MaskPlane,
    MeasurementTable,
    PhotometricSolution,
    SkyMapping,
    SourceTable,
    StarTable,
)
from seechange_core.imaging.astrometry.observer import Place
from seechange_core.simulation.bright_stars import add_spikes
from seechange_core.simulation.image_pair import CCD_SHAPE, image_pair
from seechange_core.steps.step import ReferenceSources, StepContext
from seechange_core.steps.surroundings import Surroundings, SurroundingsParams
from seechange_core.store.orbits import Orbits

_MJD = 60800.2
_MAPPING = SkyMapping((150.0, -5.0), (1023.5, 2047.5), np.diag([-0.26, 0.26]) / 3600.0)
_SATURATED = 20


class _Camera(Component):
    site = Site(-70.8, -30.2, 2200.0)


def main() -> None:
    """Print CPU seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=300)
    parser.add_argument("--sources", type=int, default=5000)
    parser.add_argument("--orbits", type=int, default=1_300_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    inputs = step_inputs(rng, options.candidates, options.sources)
    context = StepContext({"galaxies": ()}, _Camera())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "MPCORB.DAT"
        write_orbits(rng, path, options.orbits)
        orbits = Orbits(Path(folder) / "data")
        start = time.process_time()
        identity = orbits.identity(path)
        print(f"hash of {options.orbits} orbits          {time.process_time() - start:.2f}")

        def asteroids(mjd: float = _MJD) -> object:
            return orbits.seen(
                path,
                identity,
                ra_deg=150.0,
                dec_deg=12.0,
                radius_deg=0.2,
                mjd=mjd,
                place=Place(-70.8, -30.2, 2200.0),
            )

        start = time.process_time()
        asteroids()
        first = time.process_time() - start
        start = time.process_time()
        asteroids(_MJD + 1.0)
        another = time.process_time() - start
        print(f"reading them, once a file          {first - another:.2f}")
        print(f"rough places, once a day           {another:.2f}")
        print(f"asteroids of an image              {best(asteroids, options.repeat):.3f}")
        inputs["asteroids"] = asteroids()
        print(f"asteroids looked at closely        {inputs['asteroids'].n_rows}")
    seconds = best(lambda: Surroundings().run(inputs, SurroundingsParams(), context), options.repeat)
    print(f"surroundings of {options.candidates} candidates    {seconds:.3f}")


def step_inputs(rng: np.random.Generator, n_candidates: int, n_sources: int) -> dict[str, object]:
    """Return what the step works with on a CCD with saturated stars and their spikes."""
    pair = image_pair(1).pair
    light = np.zeros(CCD_SHAPE)
    mask = pair.new.mask.copy()
    for x, y, flux in zip(
        *(rng.uniform(100, side - 100, _SATURATED) for side in CCD_SHAPE[::-1]),
        np.geomspace(1e6, 1e8, _SATURATED),
        strict=True,
    ):
        add_spikes(light, x, y, flux, 4.6)
        radius = int(3 + np.log10(flux / 1e6) * 8)
        mask[int(y) - radius : int(y) + radius, int(x) - radius : int(x) + radius] |= np.uint16(
            MaskPlane.SATURATED
        )
    image = Frame(pair.new.data + light.astype(np.float32), pair.new.variance, mask, {"mjd": _MJD})
    x, y = (rng.uniform(0, side, n_candidates) for side in CCD_SHAPE[::-1])
    ra, dec = _MAPPING.pixel_to_sky(x, y)
    source_x, source_y = (rng.uniform(0, side, n_sources) for side in CCD_SHAPE[::-1])
    star_ra, star_dec = _MAPPING.pixel_to_sky(source_x, source_y)
    sources = SourceTable(_columns(SourceTable, n_sources) | {"x": source_x, "y": source_y})
    stars = StarTable(
        _columns(StarTable, n_sources)
        | {"ra": star_ra, "dec": star_dec, "mag_G": rng.uniform(12, 20, n_sources)}
    )
    assert pair.new_psf is not None
    return {
        "image": image,
        "aligned_reference": pair.ref,
        "difference": Difference(image.data, image.variance, image.mask, pair.new_psf),
        "measurements": MeasurementTable(
            _columns(MeasurementTable, n_candidates) | {"x": x, "y": y, "ra": ra, "dec": dec}
        ),
        "mapping": _MAPPING,
        "reference_sources": ReferenceSources(
            sources, _MAPPING, PhotometricSolution(30.0, 0.01, 0.02, 30, "r")
        ),
        "stars": stars,
    }


def _columns(kind: type[SourceTable | StarTable | MeasurementTable], n: int) -> dict[str, object]:
    return {name: np.zeros(n, dtype) for name, (dtype, _, _) in kind.COLUMNS.items()}


def write_orbits(rng: np.random.Generator, path: Path, number: int) -> None:
    """Write orbits like those of the main belt in the format of the Minor Planet Center."""
    with path.open("w") as file:
        for first in range(0, number, 50_000):
            n = min(50_000, number - first)
            angles = rng.uniform(0, 360, (3, n))
            tilt, e, a = rng.rayleigh(8.0, n), rng.beta(2, 10, n), rng.uniform(2.1, 3.4, n)
            file.writelines(
                f"{first + i:07d} 17.20  0.15 K2555 {angles[0, i]:9.5f}  {angles[1, i]:9.5f}  {angles[2, i]:9.5f}"
                f"  {tilt[i]:9.5f}  {e[i]:9.7f}  0.21424651  {a[i]:10.7f}{'':63}({first + i}) Simulated\n"
                for i in range(n)
            )


if __name__ == "__main__":
    main()

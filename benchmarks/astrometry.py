"""Time the astrometry and photometry of one image: ``python benchmarks/astrometry.py``."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from seechange_core.builtin.astrometry_stars import StarsAstrometry
from seechange_core.builtin.photometry_stars import StarsPhotometry
from seechange_core.frames import Frame, SkyMapping
from seechange_core.simulation.source_lists import FieldConditions, ListedField, listed_field, wrong_header

_SHAPE = (4096, 2048)
_REPEATS = 5
#: Sources on the image, and catalogue stars on and around it.
_FIELDS = ((800, 3000), (5000, 15_000), (50_000, 20_000))


def main() -> None:
    """Print the CPU seconds of both, best of several, from headers of different quality."""
    frame = Frame(*(np.zeros(_SHAPE, np.float32) for _ in range(3)), info={"filter": "r"})
    for n_sources, n_stars in _FIELDS:
        field = _field(n_sources, n_stars)
        print(f"{field.sources.n_rows} sources, {field.stars.n_rows} catalogue stars")
        near = wrong_header(field.truth, _SHAPE, (15.0, -10.0))
        far = wrong_header(field.truth, _SHAPE, (-110.0, 120.0), 1.9, 1.018)
        mirrored = wrong_header(field.truth, _SHAPE, (100.0, 130.0), -1.9, 0.983, mirror=True)
        for name, first in (("near", near), ("far, turned, stretched", far), ("far, and mirrored", mirrored)):
            mapping = _time_astrometry(frame, field, name, first)
        seconds = []
        for _ in range(_REPEATS):
            start = time.process_time()
            StarsPhotometry().solve(frame, field.sources, mapping, field.stars, None)
            seconds.append(time.process_time() - start)
        print(f"  photometry: {min(seconds):.3f} CPU s")


def _field(n_sources: int, n_stars: int) -> ListedField:
    """Return a field of which the brightest sources and stars are kept, so many of each."""
    conditions = FieldConditions(int(2.5 * n_sources), 0.8, 10.0, 31.0)
    field = listed_field(np.random.default_rng(1), conditions)
    stars = field.stars.rows(np.argsort(field.stars["mag_G"])[:n_stars])
    stars = stars.with_columns(mag_r=stars["mag_G"], mag_r_error=stars["mag_G_error"])
    stars.meta["system"] = {"G": "vega", "r": "ab"}
    return replace(field, sources=field.sources.rows(slice(0, n_sources)), stars=stars)


def _time_astrometry(frame: Frame, field: ListedField, name: str, first: SkyMapping) -> SkyMapping:
    seconds = []
    for _ in range(_REPEATS):
        start = time.process_time()
        mapping, metrics = StarsAstrometry().solve(frame, field.sources, first, field.stars)
        seconds.append(time.process_time() - start)
    error = field.rms_pixel(mapping)
    print(f"  header {name}: {min(seconds):.3f} CPU s, {metrics['n_stars']} stars, rms {error:.4f} pixel")
    return mapping


if __name__ == "__main__":
    main()

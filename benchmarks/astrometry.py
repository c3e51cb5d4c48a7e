"""Time the astrometry and photometry of one image with 2,000 stars: ``python benchmarks/astrometry.py``."""

from __future__ import annotations

import time

import numpy as np

from seechange_core.builtin.astrometry_stars import StarsAstrometry
from seechange_core.builtin.photometry_stars import StarsPhotometry
from seechange_core.frames import Frame, SkyMapping, SourceTable, StarTable

_SHAPE = (4096, 2048)
_N_STARS = 2000
_SCALE = 0.26 / 3600.0
_REPEATS = 5


def main() -> None:
    """Print the CPU seconds of both, best of several, from headers of different quality."""
    rng = np.random.default_rng(1)
    truth = SkyMapping((150.0, 2.0), (1023.5, 2047.5), np.diag([-_SCALE, _SCALE]))
    x, y = rng.uniform(-700, 2748, 2 * _N_STARS), rng.uniform(-700, 4796, 2 * _N_STARS)
    ra, dec = truth.pixel_to_sky(x, y)
    flux = 10 ** rng.uniform(3, 5.5, len(x))
    magnitude = 30.0 - 2.5 * np.log10(flux)
    some = np.full(len(x), 0.3)
    stars = StarTable(
        {"id": np.arange(len(x)).astype(str), "ra": ra, "dec": dec, "ra_error": some, "dec_error": some}
        | {"mag_G": magnitude, "mag_r": magnitude}
    )
    on = (x > 0) & (x < _SHAPE[1] - 1) & (y > 0) & (y < _SHAPE[0] - 1)
    columns = {name: np.zeros(on.sum()) for name in SourceTable.COLUMNS}
    error = np.full(on.sum(), 0.02)
    columns |= {"x": x[on] + rng.normal(0, error), "y": y[on] + rng.normal(0, error), "flux": flux[on]}
    columns |= {"x_error": error, "y_error": error, "flux_error": np.sqrt(flux[on]), "snr": np.sqrt(flux[on])}
    sources = SourceTable(columns)
    frame = Frame(*(np.zeros(_SHAPE, np.float32) for _ in range(3)), info={"filter": "r"})
    near = SkyMapping((150.005, 2.005), truth.crpix, truth.cd)
    turn = np.radians(2.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    far = SkyMapping((150.03, 2.03), truth.crpix, 1.02 * rotation @ truth.cd)
    for name, first in (("near header", near), ("far header, turned and stretched", far)):
        seconds = []
        for _ in range(_REPEATS):
            start = time.process_time()
            mapping, metrics = StarsAstrometry().solve(frame, sources, first, stars)
            seconds.append(time.process_time() - start)
        print(f"astrometry, {name}: {min(seconds):.3f} CPU s, {metrics['n_stars']} stars")
    seconds = []
    for _ in range(_REPEATS):
        start = time.process_time()
        StarsPhotometry().solve(frame, sources, mapping, stars, None)
        seconds.append(time.process_time() - start)
    print(f"photometry: {min(seconds):.3f} CPU s")


if __name__ == "__main__":
    main()

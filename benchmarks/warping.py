"""Time the warp of one 2048 x 4096 image: ``python benchmarks/warping.py``."""

from __future__ import annotations

import time

import numpy as np

from seechange_core.frames import Frame, SkyMapping
from seechange_core.imaging.pixel_map import fit_pixel_map
from seechange_core.imaging.warping import prepare_source, warp_frame, warp_rows

_SHAPE = (4096, 2048)
_REPEATS = 5


def main() -> None:
    """Print the CPU seconds of the fit, the resampling and the whole, best of several."""
    rng = np.random.default_rng(1)
    pixels = rng.normal(0, 10, _SHAPE).astype(np.float32)
    mask = (rng.random(_SHAPE) < 0.003).astype(np.uint16)
    frame = Frame(pixels, np.full(_SHAPE, 100, np.float32), mask)
    scale = 0.26 / 3600
    distortion = np.zeros((4, 4))
    distortion[3, 0] = 2e-10
    old = SkyMapping((150.0, 2.0), (1020.3, 2040.7), np.diag([-scale, scale]), sip_a=distortion)
    new = SkyMapping(
        (150.001, 2.001), (1024.0, 2048.0), np.array([[-scale, 1e-3 * scale], [1e-3 * scale, scale]])
    )
    seconds: dict[str, list[float]] = {"fit": [], "prepare": [], "resample": [], "warp_frame": []}
    for _ in range(_REPEATS):
        start = time.process_time()
        pixel_map = fit_pixel_map(old, new, _SHAPE, _SHAPE)
        fitted = time.process_time()
        source = prepare_source(frame)
        prepared = time.process_time()
        warp_rows(source, pixel_map, (0, _SHAPE[0]), _SHAPE[1])
        resampled = time.process_time()
        warp_frame(frame, pixel_map, _SHAPE)
        end = time.process_time()
        for name, value in zip(
            seconds, (fitted - start, prepared - fitted, resampled - prepared, end - resampled), strict=True
        ):
            seconds[name].append(value)
    for name, values in seconds.items():
        print(f"{name:12s} {min(values):.3f} CPU s")


if __name__ == "__main__":
    main()

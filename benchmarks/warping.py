"""Time the warp of one 2048 x 4096 image: ``python benchmarks/warping.py``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from seechange_core.frames import Frame, SkyMapping
from seechange_core.imaging.alignment.pixel_map import fit_pixel_map
from seechange_core.imaging.alignment.psf_warping import warp_psf
from seechange_core.imaging.alignment.spline import spline_coefficients
from seechange_core.imaging.alignment.warp_source import prepare_source
from seechange_core.imaging.alignment.warping import warp_frame, warp_rows
from seechange_core.simulation.psf_field import MoffatField

_SHAPE = (4096, 2048)
_REPEATS = 5


def main() -> None:
    """Print the CPU seconds of each part, best of several."""
    rng = np.random.default_rng(1)
    pixels = rng.normal(0, 10, _SHAPE).astype(np.float32)
    mask = (rng.random(_SHAPE) < 0.003).astype(np.uint16)
    frame = Frame(pixels, np.full(_SHAPE, 100, np.float32), mask)
    psf = MoffatField(_SHAPE, 4.6, width_terms=(0.02, 0.01, 0.01, 0.01)).model()
    scale = 0.26 / 3600
    distortion = np.zeros((4, 4))
    distortion[3, 0] = 2e-10
    old = SkyMapping((150.0, 2.0), (1020.3, 2040.7), np.diag([-scale, scale]), sip_a=distortion)
    new = SkyMapping(
        (150.001, 2.001), (1024.0, 2048.0), np.array([[-scale, 1e-3 * scale], [1e-3 * scale, scale]])
    )
    pixel_map = fit_pixel_map(old, new, _SHAPE, _SHAPE)
    turned = fit_pixel_map(SkyMapping((150.0, 2.0), old.crpix, np.diag([scale, -scale])), new, _SHAPE, _SHAPE)
    same = fit_pixel_map(old, old, _SHAPE)
    source = prepare_source(frame)
    warp_rows(source, pixel_map, (0, 1), _SHAPE[1])
    parts: dict[str, Callable[[], object]] = {
        "fit of the map": lambda: fit_pixel_map(old, new, _SHAPE, _SHAPE),
        "coefficients of the spline": lambda: spline_coefficients(pixels),
        "resampling of data, variance and mask": lambda: warp_rows(
            source, pixel_map, (0, _SHAPE[0]), _SHAPE[1]
        ),
        "the same turned by 180 degrees": lambda: warp_rows(source, turned, (0, _SHAPE[0]), _SHAPE[1]),
        "warp_frame, 0.3 % bad pixels": lambda: warp_frame(frame, pixel_map, _SHAPE),
        "warp_frame, same grid": lambda: warp_frame(frame, same, _SHAPE),
        "warp_psf": lambda: warp_psf(psf, pixel_map, _SHAPE),
    }
    for name, part in parts.items():
        print(f"{name:38s} {min(_cpu_seconds(part) for _ in range(_REPEATS)):.3f} CPU s")


def _cpu_seconds(part: Callable[[], object]) -> float:
    start = time.process_time()
    part()
    return time.process_time() - start


if __name__ == "__main__":
    main()

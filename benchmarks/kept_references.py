"""Time what keeping a warped reference would save: ``python benchmarks/kept_references.py``.

Warping a reference of 2048 x 4096 pixels against reading it back as it would be kept.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seechange_core.frames import Frame, SkyMapping
from seechange_core.imaging.alignment.pixel_map import fit_pixel_map
from seechange_core.imaging.alignment.warping import warp_frame
from seechange_core.simulation.pair import simulated_pair
from seechange_core.store.formats.frame import frame_bytes, read_frame

_SHAPE = (4096, 2048)
_REPEATS = 3


def main() -> None:
    """Print CPU seconds, best of several, and the size of the file."""
    ref = simulated_pair(1, _SHAPE, n_stars=4000, n_galaxies=2500, n_transients=0).ref
    scale = 0.26 / 3600
    old = SkyMapping((150.0, 2.0), (1020.3, 2040.7), np.diag([-scale, scale]))
    new = SkyMapping(
        (150.001, 2.001), (1024.0, 2048.0), np.array([[-scale, 1e-3 * scale], [1e-3 * scale, scale]])
    )
    warped: list[Frame] = []
    content: list[bytes] = []
    seconds = {
        "warping": _best(
            lambda: warped.append(warp_frame(ref, fit_pixel_map(old, new, _SHAPE, _SHAPE), _SHAPE))
        ),
        "compressing to keep": _best(lambda: content.append(frame_bytes(warped[0]))),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.fits"
        path.write_bytes(content[0])
        seconds["reading back"] = _best(lambda: read_frame(path))
    for name, value in seconds.items():
        print(f"{name:20s} {value:.3f} CPU s")
    print(f"{'size':20s} {len(content[0]) / 1e6:.1f} MB")


def _best(part: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        start = time.process_time()
        part()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()

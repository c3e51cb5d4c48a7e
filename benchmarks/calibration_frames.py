"""Memory and time that a master flat of many exposures of one CCD takes.

    python benchmarks/calibration_frames.py [--rows 4096] [--columns 2048] [--exposures 200]

Peak resident memory and CPU seconds of this process with one thread. Drawing the simulated exposures is not counted in
the time; their file takes 4 bytes a pixel and exposure.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from seechange_core.frames import Amplifier, Box, SectionData
from seechange_core.imaging.calibration.calibration_frames import make_calibration
from seechange_core.imaging.calibration.exposure_stack import ExposureStack

LEVEL, READ_NOISE = 30000.0, 6.0


def main() -> None:
    """Print what it took, and how the noise of the result compares with the expected one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=2048)
    parser.add_argument("--exposures", type=int, default=200)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    shape, half = (options.rows, options.columns), options.columns // 2
    boxes = (Box(0, options.rows, 0, half), Box(0, options.rows, half, options.columns))
    amplifiers = tuple(
        Amplifier(name, box, box, None, 1.5, READ_NOISE, 60000.0)
        for name, box in zip("AB", boxes, strict=True)
    )
    noise = random.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(LEVEL + READ_NOISE**2))
    seconds = {"adding": 0.0, "combining": 0.0}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, ExposureStack(Path(folder)) as stack:
        for _ in range(options.exposures):
            # The same noise, shifted and turned over, is as good as new.
            shift = random.integers(0, options.rows), random.integers(0, options.columns)
            data = np.float32(LEVEL) + np.roll(noise, shift, (0, 1)) * random.choice([-1.0, 1.0]).astype(
                np.float32
            )
            start = time.process_time()
            stack.add(SectionData(data, "electron", amplifiers))
            seconds["adding"] += time.process_time() - start
        start = time.process_time()
        made = make_calibration("flat", stack, "benchmark")
        seconds["combining"] += time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.exposures} exposures of {options.rows} x {options.columns}")
    for name, value in seconds.items():
        print(f"{name:12s} {value:7.1f} s")
    print(f"peak memory  {peak:7.0f} MB")
    print(f"noise {made.metrics['noise']:.3e}, expected {made.metrics['noise_expected']:.3e}")


if __name__ == "__main__":
    main()

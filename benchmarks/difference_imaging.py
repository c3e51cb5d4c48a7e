"""Time warping, subtraction and detection together: ``python benchmarks/difference_imaging.py [--side 512]``.

The reference lies turned by 0.1 degrees. CPU seconds of a process of its own for each size, with one thread, best of
several runs after one that compiles; memory with both images, all planes and all libraries. By default a CCD of 4096 x
2048 pixels is timed, and squares of 512 and 9,000 pixels.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import replace

import numpy as np
from subtraction import pair_of

from seechange_core.frames import AlignedPair, Frame, SkyMapping
from seechange_core.imaging.alignment.pixel_map import PixelMap, fit_pixel_map
from seechange_core.imaging.alignment.psf_warping import warp_psf
from seechange_core.imaging.alignment.warping import warp_frame
from seechange_core.imaging.subtraction.point_source_score import with_score
from seechange_core.registry import Registry
from seechange_core.runner.resources import peak_mb, restart_peak
from seechange_core.runner.workers import WORKER_ENVIRONMENT
from seechange_core.simulation.image_pair import CCD_SHAPE
from seechange_core.steps.detection import DetectionParams, detect

_STEPS = ("warping", "subtraction", "detection")
_ANGLE = np.radians(0.1)
_SCALE_DEG = 0.26 / 3600.0


def main() -> None:
    """Print CPU seconds by step and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, action="append", help="of a square, instead of all sizes")
    parser.add_argument("--subtractor", default="zogy")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--shape", type=int, nargs=2, help="measure this one, in this process")
    given = parser.parse_args()
    if given.shape:
        _measure(tuple(given.shape), given.subtractor, given.repeat)
        return
    shapes = [(side, side) for side in given.side] if given.side else [CCD_SHAPE, (512, 512), (9000, 9000)]
    titles = "".join(f"{step:>13}" for step in _STEPS)
    print(f"{'pixels':>13}{titles}{'all, CPU s':>13}{'us a pixel':>13}{'peak MB':>9}")
    for shape in shapes:
        command = [sys.executable, __file__, "--subtractor", given.subtractor, "--repeat", str(given.repeat)]
        command += ["--shape", *map(str, shape)]
        answer = subprocess.run(
            command, check=True, capture_output=True, text=True, env={**os.environ, **WORKER_ENVIRONMENT}
        )
        print(answer.stdout, end="", flush=True)


def _measure(shape: tuple[int, int], name: str, repeat: int) -> None:
    subtractor = Registry().component("subtractor", name)()
    pair = pair_of(shape, "aligned")
    reference, pixel_map = _turned(pair)
    pair, ref_psf = replace(pair, ref=pair.new), pair.psfs()[1]
    seconds: dict[str, list[float]] = defaultdict(list)
    for number in range(repeat + 1):
        restart_peak()
        clock = [time.process_time()]
        warped = replace(
            pair,
            ref=warp_frame(reference, pixel_map, shape),
            ref_psf=warp_psf(ref_psf, pixel_map, shape),
        )
        clock.append(time.process_time())
        difference = replace(with_score(subtractor.subtract(warped)), ref_psf=warped.ref_psf)
        clock.append(time.process_time())
        detect(difference, DetectionParams())
        clock.append(time.process_time())
        del warped, difference
        if number:
            for step, spent in zip(_STEPS, np.diff(clock), strict=True):
                seconds[step].append(float(spent))
            seconds["all"].append(clock[-1] - clock[0])
    best = [min(seconds[step]) for step in (*_STEPS, "all")]
    numbers = "".join(f"{value:13.3f}" for value in best)
    size = f"{shape[0]} x {shape[1]}"
    print(f"{size:>13}{numbers}{1e6 * best[-1] / (shape[0] * shape[1]):13.3f}{peak_mb():9.0f}")


def _turned(pair: AlignedPair) -> tuple[Frame, PixelMap]:
    """Return a pair's reference as it may have been before it was warped, and the map to its pixels."""
    shape = pair.new.shape
    middle = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    straight = np.diag([-_SCALE_DEG, _SCALE_DEG])
    turn = np.array([[np.cos(_ANGLE), -np.sin(_ANGLE)], [np.sin(_ANGLE), np.cos(_ANGLE)]])
    new, old = (SkyMapping((150.0, 2.0), middle, cd) for cd in (straight, turn @ straight))
    reference = warp_frame(pair.ref, fit_pixel_map(new, old, shape, shape), shape)
    return reference, fit_pixel_map(old, new, shape, shape)


if __name__ == "__main__":
    main()

"""Time and memory of every installed subtractor: ``python benchmarks/subtraction.py [--rows 4096] [--columns 2048]``.

Each runs in a process of its own on a simulated pair that is in memory, with the true PSFs, all planes out; the time is
the best of several runs after a first one. The memory is the most that the process held meanwhile, both images and all
libraries included, and what the subtraction added to that.
Simulated skies of more than a CCD are made of copies of a smaller one.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from seechange_core.frames import AlignedPair, Frame, PsfModel
from seechange_core.imaging.subtraction.point_source_score import with_score
from seechange_core.pipeline import process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.resources import measured
from seechange_core.simulation.image_pair import CCD_SHAPE, CONDITIONS, image_pair

_REPEATS = 3
_BLOCK = 1024


def main() -> None:
    """Print CPU seconds and memory of each subtractor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=CCD_SHAPE[0])
    parser.add_argument("--columns", type=int, default=CCD_SHAPE[1])
    parser.add_argument("--conditions", choices=sorted(CONDITIONS), default="displaced")
    parser.add_argument("--subtractor", help="measure this one, in this process")
    given = parser.parse_args()
    shape = (given.rows, given.columns)
    if given.subtractor:
        _measure(given.subtractor, shape, given.conditions)
        return
    titles = f"{'subtractor':14}{'CPU s':>8}{'us a pixel':>12}{'peak MB':>9}{'added MB':>10}"
    print(f"{titles}   ({shape[0]} x {shape[1]} pixels)")
    for name in sorted(Registry().components("subtractor")):
        command = [sys.executable, __file__, *sys.argv[1:], "--subtractor", name]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)


def _measure(name: str, shape: tuple[int, int], conditions: str) -> None:
    assignments = (f"subtraction.use={name}",)
    profile = load_profile(Registry(), process_schemas(), instrument="fits", assignments=assignments)
    subtractor = profile.components("subtraction")[""][0]
    pair = pair_of(shape, conditions)
    runs = [measured(lambda: _forgotten(subtractor, pair)) for _ in range(_REPEATS + 1)][1:]
    cpu_s = min(run.cpu_s for run in runs)
    per_pixel_us = 1e6 * cpu_s / (shape[0] * shape[1])
    peak_mb, added_mb = (max(getattr(run, what) for run in runs) for what in ("peak_mb", "added_mb"))
    print(f"{name:14}{cpu_s:8.2f}{per_pixel_us:12.3f}{peak_mb:9.0f}{added_mb:10.0f}")


def _forgotten(subtractor: Any, pair: AlignedPair) -> None:
    with_score(subtractor.subtract(pair))


def pair_of(shape: tuple[int, int], conditions: str) -> AlignedPair:
    """Simulate a pair; skies of more than a CCD are made of copies of a smaller one."""
    if shape[0] * shape[1] <= CCD_SHAPE[0] * CCD_SHAPE[1]:
        return image_pair(1, shape, CONDITIONS[conditions]).pair
    block = image_pair(1, (_BLOCK, _BLOCK), CONDITIONS[conditions]).pair
    assert block.new_psf is not None
    assert block.ref_psf is not None
    return replace(
        block,
        new=_repeated(block.new, shape),
        ref=_repeated(block.ref, shape),
        new_psf=_stretched(block.new_psf, shape),
        ref_psf=_stretched(block.ref_psf, shape),
    )


def _repeated(frame: Frame, shape: tuple[int, int]) -> Frame:
    copies = math.ceil(shape[0] / _BLOCK), math.ceil(shape[1] / _BLOCK)
    data, variance, mask = (
        np.ascontiguousarray(np.tile(plane, copies)[: shape[0], : shape[1]])
        for plane in (frame.data, frame.variance, frame.mask)
    )
    return Frame(data, variance, mask, info=frame.info)


def _stretched(psf: PsfModel, shape: tuple[int, int]) -> PsfModel:
    ny, nx = shape
    return replace(psf, x_zero=(nx - 1) / 2, y_zero=(ny - 1) / 2, x_scale=nx / 2, y_scale=ny / 2)


if __name__ == "__main__":
    main()

"""Make the stamps of simulated cameras: ``python plugins/rbscore/train/make_stamps.py --cache FOLDER``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from cameras import TEST_CAMERAS, TRAINING_CAMERAS, VALIDATION_CAMERAS
from scenes import labelled_candidates
from stamp_cache import made_or_read

from seechange_core.frames import MeasurementTable, Stamps

NIGHTS = range(2)


def simulated_scenes(
    cache: Path, cameras: Iterable[int], nights: Iterable[int] = NIGHTS
) -> Iterator[tuple[Stamps, MeasurementTable] | None]:
    """Make or read the scenes of cameras."""
    for camera in cameras:
        for night in nights:
            path = cache / "simulated" / f"camera{camera:04d}_night{night}.npz"
            yield made_or_read(path, partial(labelled_candidates, camera, night))


def main() -> None:
    """Make what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the scenes' files")
    options = parser.parse_args()
    counts = [0, 0]
    for name, cameras in (
        ("training", TRAINING_CAMERAS),
        ("validation", VALIDATION_CAMERAS),
        ("test", TEST_CAMERAS),
    ):
        for number, scene in enumerate(simulated_scenes(options.cache, cameras), 1):
            if scene is not None:
                counts[0] += int(scene[1]["real"].sum())
                counts[1] += int((~scene[1]["real"]).sum())
            if number % 20 == 0:
                print(
                    f"{name} {number}: {counts[0]} real, {counts[1]} bogus, {time.process_time():.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()

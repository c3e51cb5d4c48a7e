"""The scenes of simulated cameras, made or read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

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

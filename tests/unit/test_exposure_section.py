"""A section of an exposure as a unit of work."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import numpy as np
from astropy.io import fits

from seechange_core.builtin.fits_images import FitsImages, FitsParams
from seechange_core.runner.exposure_section import ExposureSection
from seechange_core.runner.process import SectionTask, report_of
from seechange_core.runner.workers import TaskResult

CARDS = {
    "DATE-OBS": "2026-01-31T06:00:00",
    "EXPTIME": 120.0,
    "FILTER": "clear",
    "GAIN": 1.6,
    "RDNOISE": 5.5,
    "SATURATE": 40000.0,
}


def test_what_a_profile_makes_of_the_header_wins_over_the_row_of_the_exposure(tmp_path: Path) -> None:
    path = tmp_path / "night1.fits"
    fits.PrimaryHDU(np.zeros((8, 9), np.float32), fits.Header(CARDS)).writeto(path)
    registered = FitsImages(FitsParams()).read_header([path])
    row: Any = SimpleNamespace(
        id=uuid4(),
        instrument="fits",
        filter=registered.filter,
        sections=["image"],
        section_filters={},
        mjd=registered.mjd,
        exposure_s=registered.exposure_s,
        project="",
        target="",
    )
    camera = FitsImages(FitsParams(filter="r", exposure_s=60.0))
    store = SimpleNamespace(
        sensor_sections=SimpleNamespace(overrides=lambda *_: {}),
        calibrations=SimpleNamespace(find=lambda **_: None),
    )
    services: Any = SimpleNamespace(instrument=camera, store=store)
    unit = ExposureSection(services, row, (path,), "image")
    unit.origin_inputs()
    seen = unit.observation({})  # type: ignore[arg-type]
    assert (seen.filter, seen.exposure_s) == ("r", 60.0)
    assert abs(seen.mjd - (registered.mjd - 30.0 / 86400.0)) < 1e-9


def test_report_of_a_failed_worker_has_the_whole_message() -> None:
    traceback = (
        "Traceback (most recent call last):\n  File ...\nStoreError: the database is locked\n  try again"
    )
    task = SectionTask(uuid4(), "one.fits", "A")
    report = report_of(TaskResult(task, error=traceback))
    assert (report.state, report.step) == ("failed", "worker")
    assert report.reason == "StoreError: the database is locked try again"
    assert report.exposure_id == task.exposure_id

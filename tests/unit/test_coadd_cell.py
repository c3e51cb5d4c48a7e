from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from seechange_core.imaging.alignment.sky_grid import SkyGrid
from seechange_core.runner.coadd_cell import CoaddCell
from seechange_core.runner.products import Products
from seechange_core.store.calibrated_images import CalibratedImageRow


def test_row_of_a_coadd_says_the_exposure_time_of_its_pixels_not_the_total() -> None:
    services: Any = SimpleNamespace(instrument=SimpleNamespace(name="simcam"))
    store: Any = SimpleNamespace(load=None)
    members = [
        CalibratedImageRow({}, "C1", {}, [], mjd, exposure_s)
        for mjd, exposure_s in ((60000.0, 30.0), (60001.0, 60.0), (60002.0, 600.0))
    ]
    cell = CoaddCell(services, SkyGrid(40.0, -20.0, 0.26, (300, 280)), members, "r")
    seen = cell.observation(Products(store))
    assert (seen.mjd, seen.exposure_s, seen.sky_cell) == (60001.0, 60.0, cell.place)

"""What was measured of a CCD overrides what the camera says, for the time in which it holds."""

from __future__ import annotations

from seechange_core.api import ExposureHeader
from seechange_core.builtin.simcam import Simcam
from seechange_core.runner.exposure_files import wanted_sections
from seechange_core.store import Store


def test_latest_valid_row_overrides(store: Store) -> None:
    sensors = store.sensor_sections
    assert sensors.overrides("simcam", "C1", 60000.0) == {}
    sensors.register("simcam", "C1", valid_from_mjd=59000.0, gain=1.5, saturation_adu=50000.0)
    sensors.register("simcam", "C1", valid_from_mjd=60000.0, valid_to_mjd=60010.0, read_noise_electron=9.0)
    assert sensors.overrides("simcam", "C1", 58999.9) == {}
    assert sensors.overrides("simcam", "C1", 59999.9) == {"gain": 1.5, "saturation_adu": 50000.0}
    assert sensors.overrides("simcam", "C1", 60000.0) == {"read_noise_electron": 9.0}
    assert sensors.overrides("simcam", "C1", 60010.0) == {"gain": 1.5, "saturation_adu": 50000.0}
    assert sensors.overrides("simcam", "C2", 60000.0) == {}
    assert sensors.overrides("decam", "C1", 60000.0) == {}


def test_row_of_the_same_beginning_is_replaced(store: Store) -> None:
    store.sensor_sections.register("simcam", "C1", valid_from_mjd=59000.0, gain=1.5)
    store.sensor_sections.register("simcam", "C1", valid_from_mjd=59000.0, gain=1.6)
    assert store.sensor_sections.overrides("simcam", "C1", 60000.0) == {"gain": 1.6}


def test_section_that_broke_is_left_out_unless_it_is_named(store: Store) -> None:
    store.sensor_sections.register("simcam", "C2", valid_from_mjd=60000.0, defective=True)
    header = ExposureHeader("science", 60001.0, 30.0, "r", 150.0, 2.0, ("C1", "C2"))
    defective = store.sensor_sections.defective("simcam", header.mjd)
    assert defective == {"C2": True}
    assert store.sensor_sections.defective("simcam", 59999.0) == {}
    assert wanted_sections(Simcam(), header, [], defective) == ["C1"]
    assert wanted_sections(Simcam(), header, [], {}) == ["C1", "C2"]
    assert wanted_sections(Simcam(), header, ["C2"], defective) == ["C2"]

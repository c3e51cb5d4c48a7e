from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from astropy.io import fits
from sqlalchemy import func, select

from seechange_core.api import ExposureHeader, Instrument
from seechange_core.errors import StoreError
from seechange_core.frames import Amplifier, Box, SectionData
from seechange_core.models import Exposure, row_id
from seechange_core.store import Store
from seechange_core.store.lazy_rows import LazyExposure

HEADER = ExposureHeader(
    "science",
    60000.25,
    30.0,
    "",
    359.9,
    -2.0,
    ("A", "B"),
    target="field 1",
    info={"airmass": np.float64(1.2)},
    header={"OBSERVER": "someone"},
    section_filters={"A": "g", "B": "r"},
)


class TwoCcds(Instrument):
    """Reads multi-extension files with one extension a section."""

    name: ClassVar[str] = "twoccds"

    def recognises(self, path: Path) -> bool:
        return True

    def read_header(self, files: Sequence[Path]) -> ExposureHeader:
        return HEADER

    def read(self, files: Sequence[Path], section: str) -> SectionData:
        with fits.open(files[0]) as hdus:
            data = np.array(hdus[section].data, np.float32)
            box = Box(0, data.shape[0], 0, data.shape[1])
            amplifier = Amplifier("1", box, box, None, 1.0, 5.0, 60000.0)
            return SectionData(data, "adu", (amplifier,), header=dict(hdus[section].header))

    def first_mapping(self, header: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        return None


def test_exposure_is_its_files_wherever_they_are(store: Store, tmp_path: Path) -> None:
    first, second = tmp_path / "here" / "a.fits", tmp_path / "there" / "b.fits"
    for path in (first, second):
        path.parent.mkdir()
        path.write_bytes(b"the same")
    one = store.exposures.register("twoccds", HEADER, [first])
    assert (one.filter, one.section_filters, one.info) == (None, {"A": "g", "B": "r"}, {"airmass": 1.2})
    assert (one.ra, one.dec, one.sky_index is not None) == (359.9, -2.0, True)
    again = store.exposures.register("twoccds", HEADER, [second])
    assert (again.id, store.exposures.paths(again)) == (one.id, (first,))
    first.unlink()
    moved = store.exposures.register("twoccds", HEADER, [second])
    assert (moved.id, store.exposures.paths(store.exposures.get(one.id))) == (one.id, (second,))
    with store.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Exposure)) == 1


def test_several_files_are_one_exposure(store: Store, tmp_path: Path) -> None:
    paths = [tmp_path / "raw" / "image.fits", tmp_path / "raw" / "weights" / "image.fits"]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes([number]) * 9)
    exposure = store.exposures.register("twoccds", HEADER, paths)
    assert store.exposures.paths(exposure) == tuple(paths)
    paths[1].write_bytes(b"truncat")
    with pytest.raises(StoreError, match="has 7 bytes and should have 9"):
        store.exposures.paths(exposure)


def test_exposure_from_memory_is_saved_and_read_lazily(store: Store) -> None:
    pixels = {name: np.full((4, 5), number, np.float32) for number, name in enumerate("AB")}
    sections = {name: (data, {"CCDNAME": f"ccd {name}"}) for name, data in pixels.items()}
    saved = store.exposures.save("twoccds", HEADER, sections)
    assert store.exposures.save("twoccds", HEADER, sections).id == saved.id
    exposure = LazyExposure(saved, lambda: store.exposures.paths(saved), TwoCcds())
    for name, data in pixels.items():
        np.testing.assert_array_equal(exposure.data[name], data)
        assert exposure.section_headers[name]["CCDNAME"] == f"ccd {name}"
    assert exposure.header == {"OBSERVER": "someone"}
    assert (exposure.target, list(exposure.data)) == ("field 1", ["A", "B"])
    with pytest.raises(KeyError, match="no section 'C'; it has A, B"):
        exposure.data["C"]
    with pytest.raises(StoreError, match="give the instrument"):
        LazyExposure(saved, lambda: store.exposures.paths(saved), None).data["A"]


def test_state_is_kept(store: Store) -> None:
    saved = store.exposures.save("twoccds", HEADER, {"A": (np.zeros((2, 2), np.float32), {})})
    assert saved.state == "new"
    store.exposures.set_state(saved.id, "done")
    assert store.exposures.get(saved.id).state == "done"
    with pytest.raises(StoreError, match="there is no exposure"):
        store.exposures.get(row_id("nothing"))

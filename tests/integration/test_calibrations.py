from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seechange_core.errors import StoreError
from seechange_core.frames import CalibrationFrame
from seechange_core.models import Badness, row_id
from seechange_core.provenance import Provenance
from seechange_core.store import Store
from seechange_core.store.marking import set_badness
from seechange_core.store.record import Observation, ProductRecord


def register(store: Store, identity: str, **options: Any) -> str:
    kind = options.pop("kind", "bias")
    frame = CalibrationFrame(kind, np.full((8, 6), len(identity), np.float32), identity)
    mjd, metrics = options.pop("mjd", None), options.pop("metrics", {})
    seen = Observation("simcam", options.pop("filter", ""), mjd, 0.0, section=options.pop("section", "A"))
    provenance = Provenance(kind, "1.0", {}, {})
    record = ProductRecord(identity, provenance, str(seen.section), identity, {}, seen, metrics=metrics)
    return store.calibrations.register(record, frame, **options)


def test_valid_file_that_began_nearest_is_found(store: Store) -> None:
    def find(mjd: float, **options: Any) -> str | None:
        wanted = {"kind": "bias", "instrument": "simcam", "section": "A", "filter": "r", **options}
        return store.calibrations.find(mjd=mjd, **wanted)

    assert find(60000.0) is None
    always = register(store, "always")
    old = register(store, "old", valid_from_mjd=59000.0)
    new = register(store, "new", valid_from_mjd=60000.0, valid_to_mjd=60010.0)
    register(store, "elsewhere", section="B", valid_from_mjd=60000.0)
    assert [find(mjd) for mjd in (58000.0, 59500.0, 60000.0, 60009.99, 60010.0)] == [
        always,
        old,
        new,
        new,
        old,
    ]
    store.calibrations.retire(new)
    assert find(60001.0) == old
    with store.database.write() as session:
        set_badness(session, row_id(old), Badness.ELECTRONICS)
    assert find(60001.0) == always
    green = register(store, "green", kind="flat", filter="g")
    assert find(60000.0, kind="flat") is None
    assert find(60000.0, kind="flat", filter="g") == green
    assert find(60000.0, instrument="decam") is None


def test_file_is_loaded_and_registered_once(store: Store) -> None:
    assert register(store, "one") == register(store, "one") == "one"
    assert len(store.files.present()) == 1
    loaded = store.calibrations.load("one")
    assert isinstance(loaded, CalibrationFrame)
    assert (loaded.kind, loaded.product_id) == ("bias", "one")
    np.testing.assert_array_equal(loaded.data, np.full((8, 6), 3, np.float32))
    with pytest.raises(StoreError, match="two has no calibration: it was deleted"):
        store.calibrations.load("two")


def test_of_files_without_dates_the_last_made_is_taken(store: Store) -> None:
    wanted: dict[str, Any] = {
        "kind": "bias",
        "instrument": "simcam",
        "section": "A",
        "filter": "r",
        "mjd": 60000.0,
    }
    for identity in ("b", "c", "a"):
        register(store, identity)
        assert store.calibrations.find(**wanted) == identity


def test_of_files_with_exposures_the_one_nearest_in_time_is_taken(store: Store) -> None:
    wanted: dict[str, Any] = {"kind": "bias", "instrument": "simcam", "section": "A", "filter": "r"}
    for identity, mjd in (("before", 60000.0), ("after", 60004.0)):
        register(store, identity, mjd=mjd)
    assert [store.calibrations.find(**wanted, mjd=mjd) for mjd in (59000.0, 60001.9, 60002.1)] == [
        "before",
        "before",
        "after",
    ]
    register(store, "limited", mjd=60002.0, valid_from_mjd=60002.0, valid_to_mjd=60002.05)
    assert store.calibrations.find(**wanted, mjd=60002.04) == "limited"
    assert store.calibrations.find(**wanted, mjd=60002.1) == "after"


def test_quality_is_kept_in_the_row(store: Store) -> None:
    register(store, "one", metrics={"noise": np.float32(0.5), "noise_ratio": np.nan})
    assert store.calibrations.metrics("one") == {"noise": 0.5, "noise_ratio": None}
    assert store.calibrations.metrics("two") == {}
    store.calibrations.retire("one")
    assert store.calibrations.listed() == []
    assert [identity for identity, *_ in store.calibrations.listed(with_retired=True)] == ["one"]

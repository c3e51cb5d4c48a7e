"""What people list, and the light curve of one processing."""

from __future__ import annotations

from typing import Any

import pytest

from seechange_core.errors import InputError
from seechange_core.store.listings import Selection, list_rows


def test_light_curve_is_that_of_one_processing(full_chain: Any, rules: Any) -> None:
    store = full_chain.store
    store.provenances.set_tag("current", "simcam", [full_chain.records["measurements"].provenance])
    store.associations.associate(full_chain.identities["measurements"], rules)
    again = full_chain.save("measuring", "1.1")
    store.provenances.set_tag("other", "simcam", [again.provenance])
    store.associations.associate(again.product_id, rules)

    objects = list_rows(store.database, "objects", Selection())
    assert [row["n_measurements"] for row in objects] == [1, 1, 1]
    store.provenances.set_tag("earlier", "simcam", [full_chain.records["difference"].provenance])
    assert list_rows(store.database, "objects", Selection(tag="earlier")) == []
    with pytest.raises(InputError, match="no tag 'none'"):
        list_rows(store.database, "objects", Selection(tag="none"))
    for name in (row["name"] for row in objects):
        found = store.objects.find(name)
        assert len(store.light_curves.detected(found, "current")) == 1
        assert len(store.light_curves.detected(found, "other")) == 1
        assert store.light_curves.detected(found, "none") == []


@pytest.mark.parametrize("kind", ["exposures", "images", "detections", "objects"])
def test_rows_are_limited_and_selected(full_chain: Any, kind: str, rules: Any) -> None:
    store = full_chain.store
    store.associations.associate(full_chain.identities["measurements"], rules)
    everything = list_rows(store.database, kind, Selection())
    assert len(everything) > 1
    assert list_rows(store.database, kind, Selection(limit=1)) == everything[:1]
    one = next(row for row in everything if row["ra"] is not None)
    near = list_rows(store.database, kind, Selection(cone=(one["ra"], one["dec"], 0.1)))
    assert one in near
    assert list_rows(store.database, kind, Selection(cone=(one["ra"] + 90, one["dec"], 1.0))) == []


def test_rows_are_selected_by_camera_and_filter(full_chain: Any) -> None:
    database = full_chain.store.database
    assert list_rows(database, "images", Selection(instrument="simcam", filter="r"))
    assert list_rows(database, "images", Selection(instrument="decam")) == []
    assert list_rows(database, "images", Selection(filter="g")) == []

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seechange_core.errors import StoreError
from seechange_core.frames import SkyMapping
from seechange_core.models import Badness, row_id
from seechange_core.params import content_id
from seechange_core.provenance import Provenance
from seechange_core.store import Store
from seechange_core.store.marking import set_badness
from seechange_core.store.record import ProductRecord
from seechange_core.store.reference_details import reference_details, reference_sets
from seechange_core.store.references import REFERENCE_ROLES

WANTED = {"reference_set": "default", "instrument": "simcam", "filter": "r"}


def register(store: Store, chain: Any, name: str, *, shift_pixel: float = 0.0, **options: Any) -> str:
    """Register a reference that consists of the products of a chain and lies shifted to it."""
    mapping: SkyMapping = chain.values["mapping"]
    shifted = SkyMapping(mapping.crval, (mapping.crpix[0] + shift_pixel, mapping.crpix[1]), mapping.cd)
    provenance = Provenance("referencing", "1.0", {}, {})
    metrics = options.pop("metrics", {})
    roles = ("image", "background", "sources", "psf", "mapping", "photometry")
    inputs = {role: chain.identities[role] for role in roles}
    identity = content_id(name)
    record = ProductRecord(identity, provenance, name, identity, inputs, chain.observation, metrics=metrics)
    return store.references.register(
        record, mapping=shifted, **{"reference_set": "default", "shape": (80, 70), **options}
    )


@pytest.fixture
def calibrated(new_chain: Callable[..., Any]) -> Any:
    chain = new_chain()
    chain.save_through("photocal")
    return chain


def test_one_with_most_overlap_is_found(store: Store, calibrated: Any) -> None:
    footprint = calibrated.values["mapping"].footprint((80, 70))

    def find(min_overlap: float, **options: Any) -> str | None:
        wanted = {**WANTED, "footprint": footprint, **options}
        return store.references.find(min_overlap=min_overlap, **wanted)

    assert find(0.1) is None
    half = register(store, calibrated, "half", shift_pixel=35.0)
    assert (find(0.49), find(0.51)) == (half, None)
    most = register(store, calibrated, "most", shift_pixel=7.0)
    other_set = register(store, calibrated, "other", reference_set="deep")
    assert (find(0.49), find(0.85), find(0.95)) == (most, most, None)
    assert find(0.85, reference_set="deep") == other_set
    assert find(0.1, filter="g") is None
    assert find(0.1, instrument="decam") is None, "another camera's r is another filter"
    newer = register(store, calibrated, "newer", shift_pixel=-7.2)
    assert find(0.85) == newer, "both cover as much to a hundredth"
    store.references.retire(newer)
    assert find(0.85) == most
    assert [name for name, _ in store.references.listed()] == ["deep", "default", "default"]
    assert len(store.references.listed("default", retired=True)) == 3


def test_what_is_flagged_as_bad_is_not_taken(store: Store, calibrated: Any) -> None:
    footprint = calibrated.values["mapping"].footprint((80, 70))
    wanted = {**WANTED, "footprint": footprint, "min_overlap": 0.5}
    identity = register(store, calibrated, "one")
    for flagged in (row_id(identity), calibrated.observation.exposure_id):
        for flags, found in ((Badness.CLOUDS, None), (Badness(0), identity)):
            with store.database.write() as session:
                set_badness(session, flagged, flags)
            assert store.references.find(**wanted) == found


def test_retiring_what_does_not_exist_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="no reference nothing"):
        store.references.retire("nothing")


def test_reference_is_loaded_by_role(store: Store, calibrated: Any, assert_same: Callable[..., None]) -> None:
    loaded = store.references.load(register(store, calibrated, "one"))
    for role in REFERENCE_ROLES:
        assert_same(calibrated.values[role], getattr(loaded, role))
    with pytest.raises(StoreError, match="no reference nothing"):
        store.references.load("nothing")


def test_registering_again_changes_nothing(store: Store, calibrated: Any) -> None:
    assert register(store, calibrated, "one") == register(store, calibrated, "one")
    assert len(store.references.listed()) == 1


def test_replaced_reference_is_marked_and_what_was_made_with_it_is_found(full_chain: Any) -> None:
    store: Store = full_chain.store
    old = full_chain.identities["reference"]
    footprint = full_chain.values["mapping"].footprint((80, 70))
    wanted = {**WANTED, "footprint": footprint, "min_overlap": 0.5}
    assert store.references.find(**wanted) == old
    new = register(store, full_chain, "new")
    store.references.retire(old, replaced_by=new)
    assert store.references.find(**wanted) == new
    details = reference_details(store.database, old)
    assert (details.retired, details.replaced_by, details.reference_set) == (True, new, "default")
    made = [entry["process"] for entry in details.made_with_it]
    assert sorted(made) == ["cutting", "detection", "measuring", "scoring", "subtraction", "surroundings"]
    assert {entry["exposure"] for entry in details.made_with_it} == {full_chain.identities["exposure"]}
    assert len(details.members) == 1
    assert set(details.metrics) == {"astrocal", "coaddition", "extraction", "photocal"}
    assert reference_details(store.database, new).made_with_it == []
    with pytest.raises(StoreError, match="no reference nothing"):
        reference_details(store.database, "nothing")


def test_reasons_of_the_choice_are_kept(store: Store, calibrated: Any) -> None:
    metrics = {"chosen": ["a"], "left_out": {"b": "seeing 3.50 > 3 arcsec"}}
    identity = register(store, calibrated, "one", metrics=metrics)
    assert reference_details(store.database, identity).left_out == metrics["left_out"]


def test_sets_say_what_they_are_made_of_and_for_what(store: Store, calibrated: Any) -> None:
    register(store, calibrated, "one", made_for="supernovae")
    register(store, calibrated, "two", shift_pixel=300.0)
    store.references.retire(register(store, calibrated, "three", reference_set="deep"))
    deep, default = reference_sets(store.database)
    assert (default["set"], default["made_for"]) == ("default", "supernovae")
    assert (default["instruments"], default["filters"], default["references"]) == (["simcam"], ["r"], 2)
    assert len(default["provenances"]) == 1
    assert (deep["set"], deep["references"], deep["retired"]) == ("deep", 0, 1)


def test_references_of_a_position_and_filter(store: Store, calibrated: Any) -> None:
    near = register(store, calibrated, "near")
    register(store, calibrated, "far", shift_pixel=300.0)
    ra, dec = calibrated.values["mapping"].pixel_to_sky([35.0], [40.0])
    position = float(ra[0]), float(dec[0])
    found = store.references.listed(position=position)
    assert [row.identity for _, row in found] == [near]
    assert store.references.listed(filter="g", position=position) == []

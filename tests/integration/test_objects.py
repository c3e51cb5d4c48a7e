"""What people correct about objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from seechange_core.errors import StoreError
from seechange_core.models import Measurements, Object, ObjectFlag
from seechange_core.store.associations import AssociationRules
from seechange_core.store.listings import Selection, list_rows


@pytest.fixture
def chain(full_chain: Any, rules: AssociationRules) -> Any:
    """Three objects of one measurement each."""
    full_chain.store.associations.associate(full_chain.identities["measurements"], rules)
    return full_chain


def names_of(store: Any) -> list[str]:
    return [row["name"] for row in list_rows(store.database, "objects", Selection())]


def test_merged_object_has_all_measurements_and_both_names(chain: Any) -> None:
    objects = chain.store.objects
    kept = objects.merge("SC2023b", ["SC2023a"])
    measured = objects.measurements(kept.id)
    assert len(measured) == 2
    assert kept.ra == pytest.approx(sum(row.ra for row in measured) / 2, abs=1e-6)
    assert objects.find("SC2023a").name == "SC2023b"
    assert names_of(chain.store) == ["SC2023b", "SC2023c"]
    objects.merge("SC2023c", ["SC2023b"])
    assert {objects.find(f"SC2023{letter}").name for letter in "abc"} == {"SC2023c"}


def test_split_undoes_a_merger(chain: Any) -> None:
    objects = chain.store.objects
    before = objects.find("SC2023a")
    (first,) = objects.measurements(before.id)
    objects.merge("SC2023b", ["SC2023a"])
    made = objects.split("SC2023b", [first.id])
    assert made.name == "SC2023b-2"
    assert (made.ra, made.dec) == pytest.approx((before.ra, before.dec))
    assert [row.id for row in objects.measurements(made.id)] == [first.id]
    with chain.store.database.read() as session:
        assert None not in set(session.scalars(select(Measurements.object_id)))


def test_later_measurements_join_the_merged_object(
    chain: Any, new_chain: Callable[..., Any], rules: AssociationRules
) -> None:
    store = chain.store
    a, b = (store.objects.find(name) for name in ("SC2023a", "SC2023b"))
    store.objects.merge("SC2023a", ["SC2023b"])
    merged = store.objects.find("SC2023b")
    later = new_chain("later", mjd=60005.25)
    later.identities["reference"] = chain.identities["reference"]
    table = later.values["measurements"]
    later.values["measurements"] = table.with_columns(
        ra=[merged.ra, a.ra, b.ra], dec=[merged.dec, a.dec, b.dec]
    )
    later.save_through("measuring")
    result = store.associations.associate(later.identities["measurements"], rules)
    # The two old places are far from the mean; nothing joins an object that is merged.
    assert (result.n_joined, result.n_founded) == (1, 2)


def test_what_is_said_of_an_object_stays(chain: Any) -> None:
    objects = chain.store.objects
    objects.classify("SC2023a", classification="SN Ia", flags=ObjectFlag.TRANSIENT)
    objects.classify("SC2023a", flags=ObjectFlag.TRANSIENT | ObjectFlag.NUCLEUS)
    found = objects.find("SC2023a")
    assert (found.classification, ObjectFlag(found.flags)) == (
        "SN Ia",
        ObjectFlag.TRANSIENT | ObjectFlag.NUCLEUS,
    )


def test_impossible_corrections_are_refused(chain: Any) -> None:
    objects, store = chain.store.objects, chain.store
    (first,) = objects.measurements(objects.find("SC2023a").id)
    with pytest.raises(StoreError, match="no object is called 'SC1'"):
        objects.find("SC1")
    with pytest.raises(StoreError, match="two different objects"):
        objects.merge("SC2023a", ["SC2023a"])
    with pytest.raises(StoreError, match="only these"):
        objects.split("SC2023a", [first.id])
    with pytest.raises(StoreError, match="has no measurement"):
        objects.split("SC2023b", [first.id])
    with store.database.write() as session:
        session.scalars(select(Object).where(Object.name == "SC2023a")).one().relative_to = "frame.fits"
    with pytest.raises(StoreError, match="frame of their positions"):
        objects.merge("SC2023a", ["SC2023b"])
    assert len(names_of(store)) == 3


def test_flags_never_change() -> None:
    assert {flag.name: flag.value for flag in ObjectFlag} == {
        "TRANSIENT": 1,
        "VARIABLE": 2,
        "MOVING": 4,
        "STAR": 8,
        "NUCLEUS": 16,
        "ARTEFACT": 32,
    }

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from seechange_core.models import Measurements, Object, row_id
from seechange_core.steps.association import assign
from seechange_core.store import Database, Store
from seechange_core.store.associations import Associations, object_name


def objects(store: Store) -> list[Object]:
    with store.database.read() as session:
        return list(session.scalars(select(Object).order_by(Object.name)))


def light_curve(store: Store, object_id: Any) -> list[float]:
    with store.database.read() as session:
        wanted = (
            select(Measurements.mjd).where(Measurements.object_id == object_id).order_by(Measurements.mjd)
        )
        return list(session.scalars(wanted))


def again(
    full_chain: Any, new_chain: Callable[..., Any], name: str, mjd: float, shift_deg: float = 0.0
) -> Any:
    """Measure the same sky, slightly shifted, on another exposure."""
    chain = new_chain(name, mjd=mjd)
    chain.identities["reference"] = full_chain.identities["reference"]
    table = chain.values["measurements"]
    chain.values["measurements"] = table.with_columns(dec=table["dec"] + shift_deg)
    chain.save_through("measuring")
    return chain


def test_measurements_found_objects_and_join_them(full_chain: Any, new_chain: Callable[..., Any]) -> None:
    store = full_chain.store
    founded = store.associations.associate(full_chain.identities["measurements"], assign, 1.0)
    assert (founded.n_joined, founded.n_founded, founded.n_without_position) == (0, 3, 0)
    second = again(full_chain, new_chain, "second", 60001.25, shift_deg=0.5 / 3600)
    joined = store.associations.associate(second.identities["measurements"], assign, 1.0, is_test=True)
    assert (joined.n_joined, joined.n_founded) == (3, 0)
    far = again(full_chain, new_chain, "far", 60002.25, shift_deg=600 / 3600)
    assert (
        store.associations.associate(far.identities["measurements"], assign, 1.0, is_test=True).n_founded == 3
    )

    founders = {row_id(full_chain.identities["measurements"], row) for row in range(3)}
    near = [one for one in objects(store) if one.id in founders]
    assert [one.is_test for one in near] == [False] * 3
    assert all(one.is_test for one in objects(store) if one.id not in founders)
    assert [light_curve(store, one.id) for one in near] == [[60000.25, 60001.25]] * 3
    table = full_chain.values["measurements"]
    assert {one.name for one in near} == {
        object_name(*place) for place in zip(table["ra"], table["dec"], strict=True)
    }


def test_association_again_changes_nothing(full_chain: Any) -> None:
    store = full_chain.store
    store.associations.associate(full_chain.identities["measurements"], assign, 1.0)
    before = [(one.id, light_curve(store, one.id)) for one in objects(store)]
    result = store.associations.associate(full_chain.identities["measurements"], assign, 1.0)
    assert (result.n_joined, result.n_founded) == (0, 0)
    assert [(one.id, light_curve(store, one.id)) for one in objects(store)] == before


def test_measurement_without_a_position_is_left_out(full_chain: Any, new_chain: Callable[..., Any]) -> None:
    chain = again(full_chain, new_chain, "lost", 60001.0, shift_deg=np.nan)
    result = chain.store.associations.associate(chain.identities["measurements"], assign, 1.0)
    assert (result.n_founded, result.n_without_position) == (0, 3)
    assert objects(chain.store) == []


def test_injected_source_makes_a_fake_object(full_chain: Any, new_chain: Callable[..., Any]) -> None:
    chain = new_chain("injected", mjd=60001.0)
    chain.identities["reference"] = full_chain.identities["reference"]
    table = chain.values["measurements"]
    chain.values["measurements"] = table.with_columns(mask=np.array([0, 512, 513], np.uint16))
    chain.save_through("measuring")
    chain.store.associations.associate(chain.identities["measurements"], assign, 1.0)
    fakes = {one.id: one.is_fake for one in objects(chain.store)}
    identities = [row_id(chain.identities["measurements"], row) for row in range(3)]
    assert [fakes[identity] for identity in identities] == [False, True, True]


def test_two_processes_make_one_object_of_one_source(
    full_chain: Any, new_chain: Callable[..., Any], at_once: Callable[..., list[Any]]
) -> None:
    store = full_chain.store
    chains = [full_chain, again(full_chain, new_chain, "second", 60001.25, shift_deg=0.3 / 3600)]
    url = store.database.url.render_as_string(hide_password=False)
    at_once(_associate, *[(url, chain.identities["measurements"]) for chain in chains])
    assert [len(light_curve(store, one.id)) for one in objects(store)] == [2, 2, 2]


def _associate(url: str, product_id: str) -> None:
    Associations(Database(url)).associate(product_id, assign, 1.0)


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (0.0, 0.0, "SC J000000.00+000000.0"),
        (188.736583333, -12.579333333, "SC J123456.78-123445.6"),
        (359.9999999, 89.9999999, "SC J000000.00+900000.0"),
        (15.0, -0.5, "SC J010000.00-003000.0"),
    ],
)
def test_name_says_where_an_object_is(ra: float, dec: float, name: str) -> None:
    assert object_name(ra, dec) == name

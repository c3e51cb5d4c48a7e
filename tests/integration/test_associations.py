from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from seechange_core.models import Measurements, Object
from seechange_core.models.sky_index import sky_index
from seechange_core.store import Database, Store
from seechange_core.store.associations import AssociationRules, Associations


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
    full_chain: Any,
    new_chain: Callable[..., Any],
    name: str,
    mjd: float,
    shift_deg: float = 0.0,
    relative_to: str = "",
    **columns: Any,
) -> Any:
    """Measure the same sky, slightly shifted, on another exposure."""
    chain = new_chain(name, mjd=mjd)
    chain.identities["reference"] = full_chain.identities["reference"]
    table = full_chain.values["measurements"]
    chain.values["measurements"] = table.with_columns(dec=table["dec"] + shift_deg, **columns)
    chain.values["mapping"] = replace(chain.values["mapping"], relative_to=relative_to)
    chain.save_through("measuring")
    return chain


def test_measurements_found_objects_and_join_them(
    full_chain: Any, new_chain: Callable[..., Any], rules: AssociationRules
) -> None:
    store = full_chain.store
    founded = store.associations.associate(full_chain.identities["measurements"], rules)
    assert (founded.n_joined, founded.n_founded, founded.n_without_position) == (0, 3, 0)
    second = again(full_chain, new_chain, "second", 60001.25, shift_deg=0.5 / 3600)
    joined = store.associations.associate(second.identities["measurements"], rules)
    assert (joined.n_joined, joined.n_founded) == (3, 0)
    far = again(full_chain, new_chain, "far", 60002.25, shift_deg=600 / 3600)
    assert store.associations.associate(far.identities["measurements"], rules).n_founded == 3
    assert [one.name for one in objects(store)] == [f"SC2023{letter}" for letter in "abcdef"]
    assert [light_curve(store, one.id) for one in objects(store)[:3]] == [[60000.25, 60001.25]] * 3


def test_object_is_at_the_weighted_mean_of_its_measurements(
    full_chain: Any, new_chain: Callable[..., Any], rules: AssociationRules
) -> None:
    store, table = full_chain.store, full_chain.values["measurements"]
    store.associations.associate(full_chain.identities["measurements"], rules)
    for number, (shift_arcsec, error_arcsec) in enumerate(((0.6, 0.05), (-0.4, 0.2)), start=1):
        chain = again(
            full_chain,
            new_chain,
            f"night {number}",
            60000.25 + number,
            shift_deg=shift_arcsec / 3600,
            position_error_arcsec=np.full(3, error_arcsec),
        )
        assert store.associations.associate(chain.identities["measurements"], rules).n_joined == 3
    weights = np.array([0.1, 0.05, 0.2]) ** -2
    mean_arcsec = np.average([0.0, 0.6, -0.4], weights=weights)
    for one in objects(store):
        nearest = np.abs(table["dec"] - one.dec).argmin()
        assert (one.dec - table["dec"][nearest]) * 3600 == pytest.approx(mean_arcsec, abs=1e-5)
        assert one.ra == pytest.approx(table["ra"][nearest], abs=1e-9)
        assert one.position_error_arcsec == pytest.approx(weights.sum() ** -0.5)
        assert one.sky_index == sky_index(one.ra, one.dec)


def test_what_is_not_of_the_same_sky_is_never_joined(
    full_chain: Any, new_chain: Callable[..., Any], rules: AssociationRules
) -> None:
    """Relative frames, simulations and the sky each have objects of their own at one place."""
    store = full_chain.store
    store.associations.associate(full_chain.identities["measurements"], rules)
    for number, frame in enumerate(("frame_a.fits", "frame_b.fits"), start=1):
        chain = again(full_chain, new_chain, frame, 60000.25 + number, relative_to=frame)
        assert store.associations.associate(chain.identities["measurements"], rules).n_founded == 3
        more = again(full_chain, new_chain, f"next to {frame}", 60010.25 + number, relative_to=frame)
        assert store.associations.associate(more.identities["measurements"], rules).n_joined == 3
    chain = again(full_chain, new_chain, "simulated", 60005.25)
    simulated = replace(rules, is_test=True)
    assert store.associations.associate(chain.identities["measurements"], simulated).n_founded == 3
    frames = [(one.relative_to, one.is_test) for one in objects(store)]
    assert (
        frames
        == [("", False)] * 3
        + [("frame_a.fits", False)] * 3
        + [("frame_b.fits", False)] * 3
        + [("", True)] * 3
    )


def test_association_again_changes_nothing(full_chain: Any, rules: AssociationRules) -> None:
    store = full_chain.store
    store.associations.associate(full_chain.identities["measurements"], rules)
    before = [(one.id, one.ra, one.dec, light_curve(store, one.id)) for one in objects(store)]
    result = store.associations.associate(full_chain.identities["measurements"], rules)
    assert (result.n_joined, result.n_founded) == (0, 0)
    assert [(one.id, one.ra, one.dec, light_curve(store, one.id)) for one in objects(store)] == before


def test_measurement_without_a_position_is_left_out(
    full_chain: Any, new_chain: Callable[..., Any], rules: AssociationRules
) -> None:
    chain = again(full_chain, new_chain, "lost", 60001.0, shift_deg=np.nan)
    result = chain.store.associations.associate(chain.identities["measurements"], rules)
    assert (result.n_founded, result.n_without_position) == (0, 3)
    assert objects(chain.store) == []


def test_injected_source_makes_a_fake_object(
    full_chain: Any, new_chain: Callable[..., Any], rules: AssociationRules
) -> None:
    chain = again(full_chain, new_chain, "injected", 60001.0, mask=np.array([0, 512, 513], np.uint16))
    chain.store.associations.associate(chain.identities["measurements"], rules)
    assert [one.is_fake for one in objects(chain.store)] == [False, True, True]
    # What is real at the same place is another object.
    real = chain.store.associations.associate(full_chain.identities["measurements"], rules)
    assert (real.n_joined, real.n_founded) == (1, 2)


def test_two_processes_make_one_object_of_one_source(
    full_chain: Any,
    new_chain: Callable[..., Any],
    at_once: Callable[..., list[Any]],
    rules: AssociationRules,
) -> None:
    store = full_chain.store
    chains = [full_chain, again(full_chain, new_chain, "second", 60001.25, shift_deg=0.3 / 3600)]
    url = store.database.url.render_as_string(hide_password=False)
    at_once(_associate, *[(url, chain.identities["measurements"], rules) for chain in chains])
    assert [len(light_curve(store, one.id)) for one in objects(store)] == [2, 2, 2]


def test_names_are_unique_when_processes_found_objects_at_once(
    full_chain: Any,
    new_chain: Callable[..., Any],
    at_once: Callable[..., list[Any]],
    rules: AssociationRules,
) -> None:
    store = full_chain.store
    chains = [full_chain]
    for number in range(1, 6):
        # So far apart that nobody waits for the other's cells.
        chains.append(again(full_chain, new_chain, f"far {number}", 60001.25, shift_deg=5.0 * number))
    url = store.database.url.render_as_string(hide_password=False)
    at_once(_associate, *[(url, chain.identities["measurements"], rules) for chain in chains])
    names = sorted((one.name for one in objects(store)), key=lambda name: (len(name), name))
    assert names == [f"SC2023{letter}" for letter in "abcdefghijklmnopqr"]


def _associate(url: str, product_id: str, rules: AssociationRules) -> None:
    Associations(Database(url)).associate(product_id, rules)

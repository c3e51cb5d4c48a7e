"""An exposure that was processed again counts once, as it was processed last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from seechange_core.models import Completeness, Image, Object, row_id
from seechange_core.runner.forced_photometry import force, subtractions_of
from seechange_core.store.associations import AssociationRules
from seechange_core.store.deletion import delete_everything
from seechange_core.store.fakes import FakesSelection, listed_completeness
from seechange_core.store.listings import Selection, list_rows

#: How far measurements of the second processing lie from those of the first.
SHIFT_DEG = 0.4 / 3600


def copy_of(chain: Any) -> Any:
    return replace(
        chain, **{name: dict(getattr(chain, name)) for name in ("identities", "values", "records")}
    )


def finished(chain: Any, rules: AssociationRules) -> Any:
    """Do what follows the chain: tag, association, and a search with injected sources."""
    store = chain.store
    provenances = {record.process: record.provenance for record in chain.records.values()}
    store.provenances.set_tag("current", "simcam", provenances.values(), replace=True)
    store.associations.associate(chain.identities["measurements"], rules)
    with store.database.write() as session:
        # The scores stand for the last product of the branch with injected sources.
        searched, image = (row_id(chain.identities[role]) for role in ("scores", "difference"))
        counts = {"n_fakes": 9, "n_found": 5, "flux_unit": "nJy", "environment": "sky", "stage": "measured"}
        session.add(Completeness(id=searched, product_id=searched, image_id=image, **counts))
    return chain


def again_with_another_gain(chain: Any, rules: AssociationRules) -> Any:
    """Process an exposure with a calibration file that came later: other products under the same provenances."""
    again = copy_of(chain)
    again.identities["exposure"] = "the same with another gain"
    table = again.values["measurements"]
    again.values["measurements"] = table.with_columns(dec=table["dec"] + SHIFT_DEG)
    again.save_through("scoring")
    return finished(again, rules)


def again_with_a_higher_threshold(chain: Any, rules: AssociationRules) -> Any:
    """Process an exposure with other parameters, which lose the last source."""
    again = copy_of(chain)
    table = again.values["measurements"]
    kept = table.rows(np.arange(table.n_rows - 1))
    again.values["measurements"] = kept.with_columns(dec=kept["dec"] + SHIFT_DEG)
    scores = again.values["scores"]
    again.values["scores"] = scores.rows(np.arange(scores.n_rows - 1))
    for process in ("detection", "cutting", "measuring", "scoring"):
        again.save(process, "1.1")
    return finished(again, rules)


@pytest.fixture
def first(full_chain: Any, rules: AssociationRules) -> Any:
    return finished(full_chain, rules)


@pytest.mark.parametrize(
    ("process_again", "n_left"), [(again_with_another_gain, 3), (again_with_a_higher_threshold, 2)]
)
def test_everything_counts_once(
    first: Any, rules: AssociationRules, process_again: Callable[..., Any], n_left: int
) -> None:
    store = first.store
    table = first.values["measurements"]
    second = process_again(first, rules)
    with store.database.read() as session:
        objects = sorted(session.scalars(select(Object)), key=lambda one: one.dec)
    lost = float(table["dec"][2]) if n_left == 2 else None
    # What only the first processing measured stays where it was.
    expected = [dec if dec == lost else dec + SHIFT_DEG for dec in sorted(table["dec"])]
    assert [one.dec for one in objects] == pytest.approx(expected, abs=1e-9)
    counts = {row["id"]: row["n_measurements"] for row in list_rows(store.database, "objects", Selection())}
    assert sorted(counts.values()) == [0] * (3 - n_left) + [1] * n_left

    shown = list_rows(store.database, "detections", Selection())
    assert {row["id"] for row in shown} == {
        row_id(second.identities["measurements"], number) for number in range(n_left)
    }
    assert all(row["real_bogus_score"] is not None for row in shown)
    everything = list_rows(store.database, "detections", Selection(all_versions=True))
    assert len(everything) == 3 + n_left
    images = [row["id"] for row in list_rows(store.database, "images", Selection()) if row["is_difference"]]
    assert images == [row_id(second.identities["difference"])]

    for one in objects:
        assert len(store.light_curves.detected(one, "current")) == counts[one.id]
        assert len(store.objects.measurements(one.id)) == counts[one.id]
        versions = Selection(all_versions=True, object_id=one.id)
        assert len(list_rows(store.database, "detections", versions)) == 1 + counts[one.id]
    assert force(store, objects[0], "current") == 1
    (row,) = store.light_curves.forced(objects[0], subtractions_of(store, "current").values())
    assert row["image_id"] == images[0]
    (fakes,) = listed_completeness(store, FakesSelection())
    assert fakes["image"] == images[0]


def test_scores_of_several_scorers_have_a_column_each(first: Any) -> None:
    second = copy_of(first)
    scores = second.values["scores"]
    columns = {name: np.concatenate([values, values]) for name, values in scores.items()}
    columns["scorer"] = np.array(["another"] * scores.n_rows + ["rbscore"] * scores.n_rows)
    columns["score"] = np.array([0.9] * scores.n_rows + [0.1] * scores.n_rows)
    second.values["scores"] = type(scores)(columns)
    second.save("scoring", "1.1")
    for row in list_rows(first.store.database, "detections", Selection()):
        found = row["real_bogus_score_another"], row["real_bogus_score_rbscore"]
        assert found == pytest.approx((0.9, 0.1))


def test_versions_are_told_apart_by_their_tags(first: Any, rules: AssociationRules) -> None:
    store = first.store
    store.provenances.set_tag("dr1", "simcam", [first.records["measurements"].provenance])
    again_with_a_higher_threshold(first, rules)
    everything = list_rows(store.database, "detections", Selection(all_versions=True))
    assert sorted(row["tags"] for row in everything) == ["current"] * 2 + ["dr1"] * 3
    assert len({row["provenance"] for row in everything}) == 2
    released = list_rows(store.database, "detections", Selection(tag="dr1"))
    assert {row["id"] for row in released} == {
        row_id(first.identities["measurements"], number) for number in range(3)
    }


def test_forced_fluxes_of_the_older_difference_are_left_out(first: Any, rules: AssociationRules) -> None:
    store = first.store
    with store.database.read() as session:
        target = session.scalars(select(Object).order_by(Object.name)).first()
    force(store, target, "current")
    again_with_another_gain(first, rules)
    assert store.light_curves.forced(target, subtractions_of(store, "current").values()) == []


def test_object_that_is_not_found_again_lies_where_other_exposures_saw_it(
    first: Any, new_chain: Callable[..., Any], rules: AssociationRules
) -> None:
    """What is deleted makes room for what was measured before it."""
    store, table = first.store, first.values["measurements"]
    other = new_chain("other", mjd=60001.25)
    other.identities["reference"] = first.identities["reference"]
    other.values["measurements"] = table.with_columns(dec=table["dec"] + SHIFT_DEG)
    other.save_through("scoring")
    finished(other, rules)
    dec = float(table["dec"][2])

    def of_the_last_source() -> float:
        with store.database.read() as session:
            places = session.scalars(select(Object.dec)).all()
        return (min(places, key=lambda place: abs(place - dec)) - dec) / SHIFT_DEG

    assert of_the_last_source() == pytest.approx(0.5, abs=1e-4)
    second = again_with_a_higher_threshold(first, rules)
    assert of_the_last_source() == pytest.approx(1.0, abs=1e-4)
    delete_everything(store.database, store.files, [row_id(second.identities["detections"])])
    assert of_the_last_source() == pytest.approx(0.5, abs=1e-4)


def test_reference_is_built_of_each_exposure_once(first: Any, rules: AssociationRules) -> None:
    store = first.store
    again_with_another_gain(first, rules)
    photocal = first.records["photometry"].provenance.id
    found = store.calibrated_images.find(photocal_provenance=photocal, filter="r")
    assert len(found) == 2  # the member of the reference and the exposure
    with store.database.read() as session:
        images = list(
            session.scalars(select(Image.id).where(Image.filter == "r", Image.is_difference.is_(False)))
        )
    named = store.calibrated_images.find(photocal_provenance=photocal, filter="r", images=images)
    assert len(named) == 3

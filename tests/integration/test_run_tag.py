"""What a run's tag names in the end: a failing run, another camera, an experiment do not hide what others made."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from seechange_core.errors import StoreError
from seechange_core.models import Product, row_id
from seechange_core.provenance import Provenance
from seechange_core.runner import run_tag
from seechange_core.runner.forced_photometry import subtractions_of
from seechange_core.runner.run_tag import LeftBehind, RunTag
from seechange_core.runner.section_report import DONE, FAILED, REJECTED, SectionReport
from seechange_core.store import Store
from seechange_core.store.associations import AssociationRules
from seechange_core.store.listings import Selection, list_rows
from seechange_core.store.night_checks import Night, check_exposure

Plan = Mapping[str, Provenance]


def plan_of(chain: Any) -> dict[str, Provenance]:
    return {record.provenance.process: record.provenance for record in chain.records.values()}


def otherwise(plan: Plan, since: str) -> dict[str, Provenance]:
    """The same chain with another parameter in one process, so that those after it have other provenances too."""
    processes = list(plan)
    changed = processes[processes.index(since) :]
    return {
        process: Provenance(process, "other", {}, {}) if process in changed else provenance
        for process, provenance in plan.items()
    }


def tag_of(
    store: Store, plan: Plan, *, instrument: str = "simcam", tag: str = "current", fakes: bool = False
) -> RunTag:
    services: Any = SimpleNamespace(
        store=store,
        instrument=SimpleNamespace(name=instrument),
        profile=SimpleNamespace(runner=SimpleNamespace(tag=tag, fakes=fakes)),
    )
    planned: Any = [SimpleNamespace(process=name, provenance=made) for name, made in plan.items()]
    return RunTag(services, planned)


def report(plan: Plan, state: str = DONE, last: str = "") -> SectionReport:
    """Say how a section ended: done, or otherwise at a process."""
    made = list(plan)[: list(plan).index(last) if last else None]
    steps: Any = tuple(SimpleNamespace(process=process) for process in made)
    return SectionReport("one.fits", "A", state, last or made[-1], steps=steps)


def run(tag: RunTag, plan: Plan, state: str = DONE, last: str = "") -> LeftBehind | None:
    tag.ended(report(plan, state, last))
    return tag.set()


@pytest.fixture
def shown(full_chain: Any, rules: AssociationRules) -> Any:
    """A chain under the tag of its run."""
    store = full_chain.store
    store.associations.associate(full_chain.identities["measurements"], rules)
    plan = plan_of(full_chain)
    assert run(tag_of(store, plan), plan) is None
    return full_chain


def seen(store: Store) -> tuple[list[int], list[int], int]:
    """What three commands read by the tag: measurements of the objects, rows of light curves, peaks of a night."""
    listed = list_rows(store.database, "objects", Selection())
    objects = [store.objects.find(row["name"]) for row in listed]
    exposure = store.exposures.chosen("new.fits")
    checks = check_exposure(store.database, exposure, Night.at(exposure.mjd, 0.0))
    return (
        [row["n_measurements"] for row in listed],
        [len(store.light_curves.detected(one, "current")) for one in objects],
        sum(section.n_peaks for section in checks.sections),
    )


def test_failing_run_hides_nothing(shown: Any) -> None:
    store, plan = shown.store, plan_of(shown)
    before = seen(store)
    assert before == ([1, 1, 1], [1, 1, 1], 4)
    other = otherwise(plan, "subtraction")
    assert run(tag_of(store, other), other, FAILED, "subtraction") is None
    # Whatever may be rejected now was accepted before.
    assert run(tag_of(store, other), other, REJECTED, "subtraction") is None
    assert seen(store) == before
    assert store.provenances.tagged("current")["simcam"] == {name: made.id for name, made in plan.items()}


def test_another_camera_hides_nothing(shown: Any) -> None:
    store, plan = shown.store, plan_of(shown)
    before = seen(store)
    other = otherwise(plan, "preprocessing")
    assert run(tag_of(store, other, instrument="decam"), other) is None
    assert seen(store) == before
    subtractions = {"decam": other["subtraction"].id, "simcam": plan["subtraction"].id}
    assert subtractions_of(store, "current") == subtractions


def test_run_with_other_settings_says_what_is_left_behind(
    shown: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store, plan = shown.store, plan_of(shown)
    other = otherwise(plan, "detection")
    store.provenances.register(other.values())
    with caplog.at_level(logging.WARNING):
        left = run(tag_of(store, other), other)
    assert left == LeftBehind("current", "simcam", 1)
    assert "1 exposure of simcam" in caplog.text
    assert "--tag NAME" in str(left)
    with store.database.read() as session:
        exposure_id = session.scalars(select(Product.exposure_id).where(Product.process == "detection")).one()
    with store.database.write() as session:
        session.add(rejected(other["detection"], exposure_id))
    # The exposure was processed again: there is nothing that only the former settings show.
    run(tag_of(store, plan), plan)
    assert run(tag_of(store, other), other) is None


def rejected(provenance: Provenance, exposure_id: Any) -> Product:
    return Product(
        id=row_id("again"),
        identity="again",
        process=provenance.process,
        provenance_id=provenance.id,
        exposure_id=exposure_id,
        place="A",
        anchor="again",
        inputs={},
        metrics={},
        state="rejected",
        reason="too many peaks",
    )


def test_experiment_with_a_tag_of_its_own_stays_apart(shown: Any) -> None:
    store, plan = shown.store, plan_of(shown)
    before = seen(store)
    other = otherwise(plan, "detection")
    assert run(tag_of(store, other, tag="deep"), other) is None
    assert seen(store) == before
    with pytest.raises(StoreError, match=r"'deep' names provenance .* for detection of simcam"):
        tag_of(store, plan, tag="deep")


def test_interrupted_run_names_what_is_there(store: Store) -> None:
    plan = {name: Provenance(name, "1.0", {}, {}) for name in ("preprocessing", "extraction", "astrocal")}
    tag = tag_of(store, plan)
    for process in ("preprocessing", "extraction"):
        tag.started(process)
    tag.set()
    assert set(store.provenances.tagged("current")["simcam"]) == {"preprocessing"}
    # Where nothing was named yet, a rejection is what there is to ask about.
    run(tag_of(store, plan), plan, REJECTED, "extraction")
    assert set(store.provenances.tagged("current")["simcam"]) == {"preprocessing", "extraction"}


@pytest.mark.parametrize(("last", "named"), [("scoring", False), ("completeness", True)])
def test_injection_is_named_only_where_its_search_succeeded(
    store: Store, monkeypatch: pytest.MonkeyPatch, last: str, named: bool
) -> None:
    branch = {name: Provenance(name, "1.0", {}, {}) for name in ("injection", "subtraction", "completeness")}
    planned = [SimpleNamespace(process=name, provenance=made) for name, made in branch.items()]
    monkeypatch.setattr(run_tag, "injection_plan", lambda profile: planned)
    plan = {"scoring": Provenance("scoring", "1.0", {}, {})}
    tag = tag_of(store, plan, fakes=True)
    steps: Any = [SimpleNamespace(process=process) for process in ("scoring", last)]
    tag.ended(SectionReport("one.fits", "A", FAILED, last, steps=tuple(steps)))
    tag.set()
    found = set(store.provenances.tagged("current")["simcam"])
    assert found == ({"scoring", "injection", "completeness"} if named else {"scoring"})

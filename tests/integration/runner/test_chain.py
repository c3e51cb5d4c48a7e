"""From raw pixels to objects: what is made, what is kept, and that it is always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from seechange_core.models import Exposure, Measurements, Object, Product
from seechange_core.pipeline import EXPOSURE_CHAIN

PROCESSES = [step.process for step in EXPOSURE_CHAIN]
BEFORE_SUBTRACTION = PROCESSES[: PROCESSES.index("subtraction")]


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_section_goes_from_raw_pixels_to_objects(survey: Any, new_exposure: Path) -> None:
    (report,) = survey.process([new_exposure])
    assert (report.state, report.step, report.reason) == ("done", "association", "")
    assert [step.process for step in report.steps] == PROCESSES
    assert all(step.made for step in report.steps)
    measured = survey.rows(Measurements)
    assert len(measured) == report.steps[PROCESSES.index("measuring")].metrics["n_measurements"]
    assert all(row.object_id is not None for row in measured)
    assert report.association["founded"] == len(survey.rows(Object))
    assert all(row.is_test for row in survey.rows(Object)), "simulated sources are no discoveries"
    (exposure,) = survey.rows(Exposure, Exposure.mjd == measured[0].mjd)
    assert exposure.state == "done"
    assert survey.problems() == []


def test_second_run_makes_nothing(survey: Any, new_exposure: Path) -> None:
    (first,) = survey.process([new_exposure])
    before = survey.contents()
    (second,) = survey.process([new_exposure])
    assert not any(step.made for step in second.steps)
    assert [step.product_id for step in second.steps] == [step.product_id for step in first.steps]
    assert second.association == {"joined": 0, "founded": 0}
    assert survey.contents() == before


def test_section_without_reference_waits_and_goes_on_when_there_is_one(
    copied: Callable[[Any], Any], calibrated: Any, build_references: Callable[[Any, Iterable[str]], None]
) -> None:
    survey = copied(calibrated)
    (waiting,) = survey.process([survey.files.new[0]])
    assert (waiting.state, waiting.step) == ("waiting", "subtraction")
    assert "no simcam reference of the set 'default' in r" in waiting.reason
    assert "seechange reference build" in waiting.reason
    assert [step.process for step in waiting.steps] == BEFORE_SUBTRACTION
    assert {row.state for row in survey.rows(Product)} == {"done"}
    assert {row.state for row in survey.rows(Exposure, Exposure.kind == "science")} == {"waiting"}

    survey.process(survey.files.reference[:3], through="photocal")
    build_references(survey, ["C1"])
    (done,) = survey.process([survey.files.new[0]])
    assert done.state == "done"
    assert {step.process for step in done.steps if not step.made} == set(BEFORE_SUBTRACTION)


def test_run_that_stopped_after_a_step_goes_on(survey: Any, new_exposure: Path) -> None:
    (stopped,) = survey.process([new_exposure], through="detection")
    assert (stopped.state, stopped.step) == ("done", "detection")
    (whole,) = survey.process([new_exposure])
    assert {step.process for step in whole.steps if step.made} == {
        "cutting",
        "measuring",
        "surroundings",
        "scoring",
    }
    assert whole.state == "done"


def test_rejection_is_remembered(survey: Any, new_exposure: Path) -> None:
    strict = "photocal.zeropoint.min_stars=5000"
    (first,) = survey.process([new_exposure], strict)
    assert (first.state, first.step) == ("rejected", "photocal")
    assert "5000" in first.reason
    before = survey.contents()
    (second,) = survey.process([new_exposure], strict)
    assert (second.state, second.step, second.reason) == (first.state, first.step, first.reason)
    assert survey.contents() == before
    (rejected,) = survey.rows(Product, Product.state == "rejected")
    assert rejected.reason == first.reason
    (lenient,) = survey.process([new_exposure])
    assert lenient.state == "done"


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_rows_and_files_are_the_same_whoever_makes_them(
    copied: Callable[[Any], Any], referenced: Any
) -> None:
    paths = referenced.files.new[:2]
    here, workers = copied(referenced), copied(referenced)
    alone = here.process(paths)
    spread = workers.process(reversed(paths), jobs=2)
    assert {(report.state, report.reason) for report in (*alone, *spread)} == {("done", "")}
    assert [step.product_id for report in alone for step in report.steps] == [
        step.product_id for report in spread for step in report.steps
    ]
    expected, found = here.contents(), workers.contents()
    for table, rows in expected.items():
        assert found[table] == rows, table

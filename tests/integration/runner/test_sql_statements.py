"""How often a section asks the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from seechange_core.models import Measurements
from seechange_core.pipeline import exposure_plan
from seechange_core.runner.process import StepStarted, process_sections, register

#: From detrended pixels on, association included; and what raw pixels with their calibration files take besides.
MOST_STATEMENTS, MOST_FOR_DETRENDING = 60, 15
#: Leaves about 20 candidates of a section; some hundreds.
FEW_CANDIDATES = "detection.threshold=13"
MANY_CANDIDATES = "detection.threshold=3.0"
_NOT_COUNTED = {"PRAGMA", "BEGIN", "COMMIT", "SET"}


@contextmanager
def counted_statements() -> Iterator[Counter[str]]:
    """Count what is sent to any database; an executemany is one statement."""
    found: Counter[str] = Counter()

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        words = statement.split()
        if words[0] not in _NOT_COUNTED:
            found[statement] += 1

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", count)


@pytest.mark.parametrize(
    ("assignment", "fewest", "most"), [(FEW_CANDIDATES, 15, 25), (MANY_CANDIDATES, 300, 3000)]
)
@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_section_asks_the_database_seldom(
    survey: Any,
    new_exposure: Path,
    record_property: Callable[[str, object], None],
    assignment: str,
    fewest: int,
    most: int,
) -> None:
    services = survey.services(assignment)
    plan = exposure_plan(services.profile)
    tasks, _ = register(services, (new_exposure,), ["C1"])
    begun: dict[str, Counter[str]] = {}

    def started(step: StepStarted) -> None:
        begun[step.process] = statements.copy()

    run = process_sections(services, plan, tasks, started=started)
    with counted_statements() as statements:
        report = next(run)
    assert report.state == "done"
    assert fewest <= len(survey.rows(Measurements)) <= most, (
        "the threshold no longer leaves so many candidates"
    )
    first, later = begun["extraction"] - begun["preprocessing"], statements - begun["extraction"]
    record_property("statements", later.total())
    assert later.total() <= MOST_STATEMENTS, later.most_common()
    assert first.total() <= MOST_FOR_DETRENDING, first.most_common()
    run.close()
    services.store.database.close()


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_finished_section_asks_less(survey: Any, new_exposure: Path) -> None:
    services = survey.services(FEW_CANDIDATES)
    plan = exposure_plan(services.profile)
    tasks, _ = register(services, (new_exposure,), ["C1"])
    with counted_statements() as first:
        list(process_sections(services, plan, tasks))
    with counted_statements() as second:
        list(process_sections(services, plan, tasks))
    assert second.total() < first.total() / 2
    services.store.database.close()

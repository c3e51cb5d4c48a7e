"""How often a section asks the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from seechange_core.models import Measurements
from seechange_core.pipeline import exposure_plan
from seechange_core.runner.process import process_section, register, register_run

MOST_STATEMENTS = 80
#: Leaves about 20 candidates of a section.
FEW_CANDIDATES = "detection.threshold=13"
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


def test_section_asks_the_database_seldom(
    survey: Any, new_exposure: Path, record_property: Callable[[str, object], None]
) -> None:
    services = survey.services(FEW_CANDIDATES)
    plan = exposure_plan(services.profile)
    code_version_id = register_run(services, plan)
    (task,), _ = register(services, (new_exposure,), ["C1"])
    with counted_statements() as statements:
        report = process_section(services, plan, task, code_version_id)
    assert report.state == "done"
    n_candidates = len(survey.rows(Measurements))
    assert 15 <= n_candidates <= 25, "the threshold no longer leaves about 20 candidates"
    record_property("statements", statements.total())
    assert statements.total() <= MOST_STATEMENTS, statements.most_common()
    services.store.database.close()


def test_finished_section_asks_less(survey: Any, new_exposure: Path) -> None:
    services = survey.services(FEW_CANDIDATES)
    plan = exposure_plan(services.profile)
    code_version_id = register_run(services, plan)
    (task,), _ = register(services, (new_exposure,), ["C1"])
    with counted_statements() as first:
        process_section(services, plan, task, code_version_id)
    with counted_statements() as second:
        process_section(services, plan, task, code_version_id)
    assert second.total() < first.total() / 2
    services.store.database.close()

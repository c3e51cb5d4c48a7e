from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

#: For a section with all steps and its association, without what the runner looks up (at most 80 in all).
MOST_STATEMENTS = 60


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count what is sent to any database, without settings and transaction control; an executemany is one."""
    found: Counter[str] = Counter()

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        words = statement.split()
        if words[0] not in {"PRAGMA", "BEGIN", "COMMIT", "SET"}:
            found[" ".join(words[:3])] += 1

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def test_section_takes_few_statements(fresh_chain: Any, new_chain: Callable[..., Any], rules: Any) -> None:
    chain = new_chain("counted", mjd=60001.25)
    chain.identities["reference"] = fresh_chain.identities["reference"]
    with counted() as statements:
        chain.save_through("scoring")
        for role, identity in chain.identities.items():
            if role not in {"exposure", "reference"}:
                chain.store.products.load(identity, role)
        chain.store.associations.associate(chain.identities["measurements"], rules)
    assert sum(statements.values()) <= MOST_STATEMENTS, statements


def test_many_candidates_take_no_more_statements(
    fresh_chain: Any, new_chain: Callable[..., Any], rules: Any
) -> None:
    totals = []
    for name, n_candidates in (("few", 2), ("many", 200)):
        chain = new_chain(name, mjd=60001.25, n_candidates=n_candidates)
        chain.identities["reference"] = fresh_chain.identities["reference"]
        with counted() as statements:
            chain.save_through("scoring")
            chain.store.associations.associate(chain.identities["measurements"], rules)
        totals.append(sum(statements.values()))
    assert totals[0] == pytest.approx(totals[1], abs=1)

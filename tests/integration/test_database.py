from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from seechange_core.errors import StoreError
from seechange_core.models import Object, Provenance, RefSet, SensorSection, row_id
from seechange_core.store.database import Database
from seechange_core.store.inserting import insert_missing, insert_or_find


def refset(name: str, description: str = "") -> RefSet:
    return RefSet(id=row_id(name), name=name, description=description)


def names(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(RefSet.name).order_by(RefSet.name)))


def write_and_fail(session: Session) -> None:
    insert_missing(session, [refset("undone")])
    raise ZeroDivisionError


def test_write_keeps_all_or_nothing(database: Database) -> None:
    with database.write() as session:
        session.add(refset("kept"))
    with pytest.raises(ZeroDivisionError):
        database.transact(write_and_fail)
    assert names(database) == ["kept"]


def test_reading_session_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError, match=r"read-?only"), database.read() as session:
        insert_missing(session, [refset("refused")])
    assert names(database) == []


def test_rows_stay_usable_after_their_session(database: Database) -> None:
    with database.write() as session:
        row, _ = insert_or_find(session, refset("deep"))
    assert row.name == "deep"
    assert row.created_at.utcoffset().total_seconds() == 0


def test_inserting_again_finds_the_first(database: Database) -> None:
    with database.write() as session:
        assert insert_or_find(session, refset("deep", "first"))[1]
    with database.write() as session:
        row, written = insert_or_find(session, refset("deep", "second"))
    assert (row.description, written) == ("first", False)


def test_another_row_with_a_unique_value_is_an_error(database: Database) -> None:
    with database.write() as session:
        insert_or_find(session, refset("deep"))
    impostor = RefSet(id=row_id("other"), name="deep")
    with pytest.raises(StoreError, match="another row"), database.write() as session:
        insert_or_find(session, impostor)


def test_two_processes_insert_the_same_rows(database: Database, at_once: Callable[..., list[Any]]) -> None:
    at_once(database.transact, *[(insert_all,)] * 4)
    assert len(names(database)) == 500


def insert_all(session: Session) -> None:
    rows = [refset(f"set {number}") for number in range(500)]
    insert_missing(session, rows[::-1] if os.getpid() % 2 else rows)


def count_up(session: Session) -> None:
    """Read, think, write: loses counts unless writers wait for each other."""
    key = row_id("counter")
    count = session.scalar(select(SensorSection.gain).where(SensorSection.id == key))
    time.sleep(0.005)
    session.execute(update(SensorSection).where(SensorSection.id == key).values(gain=count + 1))


def count_up_often(database: Database, cells: list[int]) -> None:
    for _ in range(20):
        database.transact(count_up, cells)


def test_writers_of_a_common_cell_wait_for_each_other(
    database: Database, at_once: Callable[..., list[Any]]
) -> None:
    with database.write() as session:
        session.add(
            SensorSection(
                id=row_id("counter"), instrument="simcam", section="A", valid_from_mjd=0.0, gain=0.0
            )
        )
    at_once(count_up_often, (database, [5, 1]), (database, [2, 5]))
    with database.read() as session:
        assert session.scalar(select(SensorSection.gain)) == 40


def test_unit_is_repeated_after_a_deadlock(database: Database) -> None:
    for name in ("first", "second"):
        with database.write() as session:
            session.add(refset(name))
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    def work(order: tuple[str, str]) -> Callable[[Session], None]:
        def change(session: Session) -> None:
            attempts.append(order[0])
            for name in order:
                session.execute(update(RefSet).where(RefSet.name == name).values(description=order[0]))
                if len(attempts) <= 2 and name == order[0] and not sqlite:
                    both_hold_one.wait(10)

        return change

    sqlite = database.url.get_backend_name() == "sqlite"
    with ThreadPoolExecutor(2) as threads:
        orders = [("first", "second"), ("second", "first")]
        for done in [threads.submit(database.transact, work(order)) for order in orders]:
            done.result(timeout=60)
    assert len(attempts) == (2 if sqlite else 3)


def test_database_travels_to_another_process(database: Database, at_once: Callable[..., list[Any]]) -> None:
    insert_one = [refset("here")]
    with database.write() as session:
        insert_missing(session, insert_one)
    assert at_once(names, (database,), (database,)) == [["here"], ["here"]]


def test_no_connection_crosses_a_fork(database: Database) -> None:
    assert names(database) == []
    child = os.fork()
    if child == 0:
        with database.write() as session:
            session.add(refset("child"))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with database.write() as session:
        session.add(refset("parent"))
    assert names(database) == ["child", "parent"]


def test_numbers_that_are_not_finite_become_null(database: Database) -> None:
    with database.write() as session:
        session.add(Object(id=row_id("nowhere"), ra=float("nan"), dec=float("inf")))
    with database.read() as session:
        assert session.execute(select(Object.ra, Object.dec)).one() == (None, None)


def test_json_comes_back_as_it_went_in(database: Database) -> None:
    parameters = {"a": [1, 2.5, 1e-300, 0.1 + 0.2], "b": {"c": None, "d": "ä"}}
    with database.write() as session:
        session.add(Provenance(id="x", process="p", version="1", parameters=parameters, upstream={}))
    with database.read() as session:
        assert session.scalars(select(Provenance.parameters)).one() == parameters


def test_values_outside_an_enumeration_are_refused_by_the_database(database: Database) -> None:
    statement = text(
        "INSERT INTO reports (id, place, state, step, error, warnings, seconds, peak_memory_mb, host,"
        " process_id, command_line, code_version_id, started_at)"
        " VALUES (:id, '', 'lost', '', '', '[]', '{}', '{}', '', 1, '', :id, '2026-01-01 00:00:00')"
    )
    with pytest.raises(StoreError, match="ck_reports_state"), database.write() as session:
        session.execute(statement, {"id": "00000000000000000000000000000000"})


def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(StoreError, match=r"(?i)foreign key"), database.write() as session:
        session.execute(
            text(
                "INSERT INTO provenance_tags (id, tag, instrument, process, provenance_id)"
                " VALUES (:id, 't', 'i', 'p', 'none')"
            ),
            {"id": "00000000000000000000000000000000"},
        )


@pytest.mark.parametrize(
    ("url", "password"),
    [("postgresql://user:geheim@127.0.0.1:1/x", None), ("postgresql://user@127.0.0.1:1/x", "geheim")],
)
def test_password_is_never_shown(url: str, password: str | None) -> None:
    database = Database(url, password)
    with pytest.raises(StoreError, match="server runs") as caught, database.read():
        pass
    assert "geheim" not in str(caught.value) + repr(database)
    assert "user:***@127.0.0.1" in str(caught.value)
    assert database.url.password == "geheim"


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_address_that_is_of_no_use_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match=r"database\.url"):
        Database(url)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'x.db'}")
    with pytest.raises(StoreError, match=r"missing\n.*make the folder"), database.read():
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with (
        pytest.raises(StoreError, match="check its permissions"),
        Database(f"sqlite:///{tmp_path / 'x.db'}").read(),
    ):
        pass


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database" * 100)
    with (
        pytest.raises(StoreError, match=r"x\.db: .*\n.*something else"),
        Database(f"sqlite:///{tmp_path / 'x.db'}").read(),
    ):
        pass


def test_first_use_by_several_processes_makes_one_database(
    tmp_path: Path, at_once: Callable[..., list[Any]]
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    assert at_once(names, *[(Database(url),)] * 4) == [[], [], [], []]

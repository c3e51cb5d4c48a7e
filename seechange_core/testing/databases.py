"""Fixtures that run a test on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seechange_core.store.database import Database
from seechange_core.testing.postgres import PostgresServer, server_programs

_TEMPLATE = "seechange_template"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start a PostgreSQL server that has a database with all tables to copy from."""
    programs = server_programs()
    if programs is None:
        reason = "PostgreSQL's initdb is not installed (apt-get install postgresql)"
        if os.environ.get("SEECHANGE_REQUIRE_POSTGRES") == "1" or os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    server = PostgresServer(programs)
    try:
        template = Database(server.create(_TEMPLATE))
        template.upgrade()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Name each of the databases that SeeChange works with."""
    kind: str = request.param
    return kind


@pytest.fixture
def new_empty_database_url(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], str]]:
    """Make databases without tables by name, and give their addresses."""
    yield from _new_databases(database_kind, "template0", tmp_path, request)


@pytest.fixture
def new_database_url(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], str]]:
    """Make databases with all tables by name, and give their addresses; SQLite makes the tables at first use."""
    yield from _new_databases(database_kind, _TEMPLATE, tmp_path, request)


@pytest.fixture
def empty_database_url(new_empty_database_url: Callable[[str], str]) -> str:
    """Give the address of a database without tables."""
    return new_empty_database_url("seechange")


@pytest.fixture
def database_url(new_database_url: Callable[[str], str]) -> str:
    """Give the address of a database with all tables and no rows."""
    return new_database_url("seechange")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Open a database with all tables and no rows."""
    opened = Database(database_url)
    yield opened
    opened.close()


def _new_databases(
    kind: str, template: str, folder: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], str]]:
    if kind == "sqlite":
        yield lambda name: f"sqlite:///{folder / name}.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def make(name: str) -> str:
        # Names are unique on the server; tests choose theirs on their own.
        made.append(f"{name}_{uuid.uuid4().hex}")
        return server.create(made[-1], template)

    yield make
    for name in made:
        server.drop(name)

"""Connections to SQLite and PostgreSQL that behave alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from seechange_core.errors import StoreError

_BUSY_TIMEOUT_MS = 30_000
_ADVICE = {
    "readonly database": "the file or its folder cannot be written: check their permissions",
    "unable to open database file": "check that its folder exists and can be written",
    "database or disk is full": "free some space; what was being written is undone",
    "database is locked": "another process has been writing for more than 30 s: try again",
    "not a database": "the file is something else: check database.url",
    "no such function": "this Python's SQLite lacks mathematical functions: use another build of Python",
    "no such table": "make the tables with `seechange db upgrade`",
    "undefinedtable": "make the tables with `seechange db upgrade`",
    "could not connect": "check that the server runs and that database.url names it",
    "connection refused": "check that the server runs and that database.url names it",
    "could not translate host name": "check the host in database.url",
    "authentication failed": "check user and password in database.url",
    "does not exist": "make it with createdb, or check database.url",
    "no space left": "free some space on the server; what was being written is undone",
}


def parse_url(text: str) -> URL:
    """Read the address of a database: ``sqlite:///path/to/file.db`` or ``postgresql://user@host/name``.

    Raises
    ------
    StoreError
        If it is neither, or an SQLite database without a file, which other processes could not open.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise StoreError(
            "database.url cannot be read as an address; it looks like sqlite:///seechange.db or "
            "postgresql://user@host/seechange"
        ) from error
    kind = url.get_backend_name()
    if kind == "sqlite":
        if url.database in {None, "", ":memory:"}:
            raise StoreError("database.url names no file; it looks like sqlite:///seechange.db")
        return url.set(database=str(Path(str(url.database)).expanduser().absolute()))
    if kind == "postgresql":
        return url.set(drivername="postgresql+psycopg2")
    raise StoreError(f"database.url: SeeChange works with sqlite and postgresql, not with {kind}")


def make_engine(url: URL, *, foreign_keys: bool = True) -> Engine:
    """Return an engine whose transactions on SQLite begin as they do on PostgreSQL.

    The execution option ``writes`` makes a transaction of SQLite take the write lock at its beginning;
    without it the transaction can only read.

    Parameters
    ----------
    url : sqlalchemy.URL
        From `parse_url`.
    foreign_keys : bool
        False lets migrations rebuild tables of SQLite.
    """
    engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _SqliteSettings(foreign_keys))
        event.listen(engine, "begin", _begin_sqlite)
    return engine


class _SqliteSettings:
    def __init__(self, foreign_keys: bool) -> None:
        self.foreign_keys = foreign_keys

    def __call__(self, connection: sqlite3.Connection, record: Any) -> None:
        # The driver shall not begin transactions by itself: it would take the write lock too late.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute(f"PRAGMA foreign_keys = {int(self.foreign_keys)}")
        connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(not writes)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def explained_errors(url: URL) -> Iterator[None]:
    """Turn what the database refuses into a `StoreError` that names the database, never its password."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        # What the driver raises outside of a statement, such as while it connects, SQLAlchemy passes on as it is.
        cause = error.orig if isinstance(error, DBAPIError) else error
        told = f"{type(cause).__name__}: {cause}".strip()
        advice = next((text for sign, text in _ADVICE.items() if sign in told.lower()), "")
        raise StoreError(
            f"database {printable(url)}: {told}" + (f"\n  {advice}" if advice else "")
        ) from error


def printable(url: URL) -> str:
    """Return an address without its password."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)

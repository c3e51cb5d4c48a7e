"""The database: short sessions that read or write."""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from seechange_core.errors import StoreError
from seechange_core.store import migrations
from seechange_core.store.engine import explained_errors, make_engine, parse_url, printable

Result = TypeVar("Result")

_LOCK_CELLS = text(
    "SELECT pg_advisory_xact_lock(cell)"
    " FROM (SELECT unnest(CAST(:cells AS bigint[])) AS cell ORDER BY 1) AS ordered"
)
#: PostgreSQL: serialization failure, deadlock, lock not available.
_TRANSIENT_CODES = {"40001", "40P01", "55P03"}
_ATTEMPTS = 5


class Database:
    """A database by its address; opened in each process when it is first used.

    An SQLite database that does not exist is made at first use. PostgreSQL gets its tables by `upgrade` only.

    Parameters
    ----------
    url : str
        ``sqlite:///path/to/file.db`` or ``postgresql://user@host/name``.
    password : str, optional
        Used instead of one in the address.

    Raises
    ------
    StoreError
        If the address cannot be used.
    """

    def __init__(self, url: str, password: str | None = None) -> None:
        self.url = parse_url(url) if password is None else parse_url(url).set(password=password)
        self._engine: Engine | None = None
        self._process = 0
        self._ready = False

    @property
    def name(self) -> str:
        """Its address without the password, for people."""
        return printable(self.url)

    def __repr__(self) -> str:
        return f"<Database {self.name}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engine": None}

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for one unit of reading; it cannot write, and its rows stay usable afterwards.

        Raises
        ------
        StoreError
            If the database cannot be used; says what to do.
        """
        self._prepare()
        with self._session(postgresql_readonly=True) as session:
            yield session

    @contextmanager
    def write(self, cells: Iterable[int] = ()) -> Iterator[Session]:
        """Open a session whose changes are kept all together if the block ends well, and else not at all.

        Parameters
        ----------
        cells : iterable of int
            Sky cells that no other writer who names them too may touch at the same time.

        Raises
        ------
        StoreError
            If the database cannot be used, or refuses what is written; says what to do.
        """
        self._prepare()
        with self._session(writes=True) as session:
            self.lock(session, cells)
            yield session

    def transact(self, work: Callable[[Session], Result], cells: Iterable[int] = ()) -> Result:
        """Do a unit of writing, and do it again if another writer came in between (deadlock, serialization).

        Parameters
        ----------
        work : callable
            Gets the session; has no effects but on the database.
        cells : iterable of int
            See `write`.
        """
        cells = list(cells)
        attempt = 0
        while True:
            attempt += 1
            try:
                with self.write(cells) as session:
                    return work(session)
            except StoreError as error:
                if attempt == _ATTEMPTS or not _is_transient(error.__cause__):
                    raise
                time.sleep(random.uniform(0.01, 0.1) * 2**attempt)

    def upgrade(self) -> None:
        """Make the tables, or bring them to what the installed package needs.

        Raises
        ------
        StoreError
            If the database cannot be used, or is newer than the package; says what to do.
        """
        with self._creation_lock(), explained_errors(self.url):
            migrations.upgrade(self.url)

    def revision(self) -> str | None:
        """Return the revision of the tables; None if there are none."""
        if not self.exists():
            return None
        with explained_errors(self.url), self._connected().connect() as connection:
            return migrations.revision_of(connection)

    def exists(self) -> bool:
        """Return whether there is a file, if it is an SQLite database; of others their server tells when asked."""
        return self._file is None or self._file.exists()

    def differences(self) -> list[object]:
        """List what separates the tables from those of the installed package; empty if they agree."""
        with explained_errors(self.url), self._connected().connect() as connection:
            return migrations.differences(connection)

    def close(self) -> None:
        """Close the connections that this process keeps; the next session opens them again."""
        if self._engine is not None and self._process == os.getpid():
            self._engine.dispose()
        self._engine = None

    @property
    def _file(self) -> Path | None:
        return Path(str(self.url.database)) if self.url.get_backend_name() == "sqlite" else None

    def _prepare(self) -> None:
        if self._ready:
            return
        found = self.revision()
        if found is None and self._file is not None:
            self.upgrade()
            found = self.revision()
        needed = migrations.head()
        if found != needed:
            raise StoreError(
                f"database {self.name} has tables of revision {found or 'none'}, "
                f"the installed package needs {needed}: run `seechange db upgrade`"
            )
        self._ready = True

    @contextmanager
    def _session(self, **options: bool) -> Iterator[Session]:
        engine = self._connected().execution_options(**options)
        with explained_errors(self.url), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def _connected(self) -> Engine:
        """Return the engine of this process: after a fork the child leaves its parent's connections alone."""
        if self._engine is not None and self._process != os.getpid():
            self._engine.dispose(close=False)
        if self._engine is None:
            self._engine = make_engine(self.url)
        self._process = os.getpid()
        return self._engine

    def lock(self, session: Session, cells: Iterable[int]) -> None:
        """Wait until no other transaction holds any of the cells; SQLite has one writer at a time anyway.

        A transaction that locks twice may wait for one that waits for it.
        """
        wanted = sorted(set(cells))
        if wanted and self._file is None:
            session.execute(_LOCK_CELLS, {"cells": wanted})

    @contextmanager
    def _creation_lock(self) -> Iterator[None]:
        """Let one process at a time make the tables; PostgreSQL is locked by the migration itself."""
        if self._file is None:
            yield
            return
        path = self._file.with_name(self._file.name + ".lock")
        try:
            lock = path.open("w")
        except OSError as error:
            raise StoreError(
                f"database {self.name} cannot be made: {error.strerror}: {path.parent}\n"
                "  make the folder, or check its permissions, or name another place in database.url"
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _is_transient(error: BaseException | None) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    return getattr(error.orig, "pgcode", None) in _TRANSIENT_CODES or "is locked" in str(error.orig)

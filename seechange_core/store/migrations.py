"""Bringing a database to the tables of the installed package."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine

import seechange_core
from seechange_core.errors import StoreError
from seechange_core.models import Base
from seechange_core.store.engine import make_engine

#: Of the PostgreSQL advisory lock that a migration holds; locks of sky cells are not negative.
_LOCK_KEY = -1


def migrations_folder() -> Path:
    """Find the migrations: inside the package (wheel), else beside it (checkout, sdist).

    Raises
    ------
    StoreError
        If they are in neither place.
    """
    package = Path(seechange_core.__file__).parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise StoreError(f"no migrations in or beside {package}: install seechange-core again")


def head() -> str:
    """Return the revision that the installed package needs."""
    revision = ScriptDirectory(str(migrations_folder())).get_current_head()
    if revision is None:
        raise StoreError(f"{migrations_folder()} holds no migration: install seechange-core again")
    return revision


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database; None if it has no tables yet."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: URL) -> None:
    """Bring a database to the newest revision, in one transaction; does nothing if it is there already.

    Raises
    ------
    StoreError
        If the database is newer than the package, or if rows would refer to missing ones afterwards.
    """
    engine = make_engine(url, foreign_keys=False).execution_options(writes=True)
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
            command.upgrade(_config(connection), "head")
            if engine.dialect.name == "sqlite":
                _check_references(connection)
    except CommandError as error:
        raise StoreError(
            f"the tables are not of this version: {error}; install a newer seechange-core"
        ) from error
    finally:
        engine.dispose()


def _write_ahead(engine: Engine) -> None:
    """Let readers and one writer of SQLite work at the same time; the file remembers it."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode = WAL")


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise StoreError(
            f"the migration would leave rows that refer to missing ones, so it was undone: {broken[:5]}"
        )


def differences(connection: Connection) -> list[object]:
    """List what Alembic would change to bring the tables of a database to the models; empty if they agree."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config

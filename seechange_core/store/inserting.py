"""Writing rows that may have been written already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import CursorResult
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from seechange_core.errors import StoreError
from seechange_core.models import Base

Row = TypeVar("Row", bound=Base)
Value = TypeVar("Value")


def insert_missing(session: Session, rows: Sequence[Base]) -> None:
    """Write those rows of one table that are not there yet, in one statement.

    Parameters
    ----------
    session : Session
        From `Database.write`.
    rows : sequence of Base
        New objects of one class; all have values for the same columns.
    """
    if rows:
        table = type(rows[0])
        session.execute(_insert_ignoring(session, table), [_values(row) for row in rows])


def insert_if_missing(session: Session, row: Base) -> bool:
    """Write a row unless it is there, and return whether it was written now."""
    result = session.execute(_insert_ignoring(session, type(row)).values(_values(row)))
    return isinstance(result, CursorResult) and result.rowcount == 1


def insert_and_return(session: Session, row: Base, column: InstrumentedAttribute[Value]) -> Value | None:
    """Write a row unless it is there, and return the value that a column got; None if the row was there."""
    written = _insert_ignoring(session, type(row)).values(_values(row)).returning(column)
    return session.scalars(written).first()


def insert_or_find(session: Session, row: Row) -> tuple[Row, bool]:
    """Write a row, or find the one that another writer was first to write under its primary key.

    Returns
    -------
    row
        As it is in the database.
    bool
        True if it was written now.

    Raises
    ------
    StoreError
        If a row of another primary key has one of its unique values.
    """
    written = insert_if_missing(session, row)
    key = type(row).__mapper__.primary_key_from_instance(row)
    found = session.get(type(row), key, populate_existing=True)
    if found is None:
        raise StoreError(f"{type(row).__tablename__} has another row with a unique value of {key}")
    return found, written


def _insert_ignoring(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def _values(row: Base) -> dict[str, Any]:
    return {name: value for name, value in row.__dict__.items() if name != "_sa_instance_state"}

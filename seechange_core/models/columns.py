"""Column types that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, Enum, ForeignKey, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import MappedColumn, mapped_column

#: A JSON value; searchable and indexable (JSONB) on PostgreSQL.
JsonDocument = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class FiniteFloat(TypeDecorator[float]):
    """A double precision number; what is not finite becomes NULL, since SQLite has no NaN."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Replace what is not finite."""
        return float(value) if value is not None and math.isfinite(value) else None


class UtcTime(TypeDecorator[datetime]):
    """A point in time; goes in and comes out with the time zone UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone and convert the others to UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"the time {value} lacks a time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say that the time is UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(name: str, *values: str) -> Enum:
    """Return the type of a text column that a CHECK restricts to some values; `name` is the column's."""
    return Enum(
        *values, name=name, native_enum=False, create_constraint=True, validate_strings=True, length=20
    )


def foreign_key(column: str, *, cascade: bool = False, **options: Any) -> MappedColumn[Any]:
    """Return an indexed column that refers to another table's.

    Parameters
    ----------
    column : str
        ``"table.column"``.
    cascade : bool
        True where a row goes with the row that it refers to; otherwise that one cannot be deleted.
    **options
        Of `sqlalchemy.orm.mapped_column`.
    """
    return mapped_column(
        ForeignKey(column, ondelete="CASCADE" if cascade else None), **{"index": True, **options}
    )

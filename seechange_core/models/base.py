"""What all tables have in common: naming of constraints, types, primary keys."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import MetaData, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from seechange_core.models.columns import FiniteFloat, JsonDocument, UtcTime, foreign_key

_NAMESPACE = uuid.UUID("6f2d8a0e-5b0c-5c39-9d0b-3a7f1c64e2b1")


def row_id(identity: str, row: int | None = None) -> uuid.UUID:
    """Return the primary key that belongs to an identity, the same on every machine.

    Parameters
    ----------
    identity : str
        Of a product, an exposure, an excerpt: any text that says completely what the row is.
    row : int, optional
        Number of the row, for products that fill many rows of a table.
    """
    return uuid.uuid5(_NAMESPACE, identity if row is None else f"{identity}:{row}")


#: What people know a row by; tables have some of them each.
_TOLD = ("name", "instrument", "section", "process", "filter", "mjd", "snr", "score", "state")


class Base(DeclarativeBase):
    """Base class of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        str: Text(),
        float: FiniteFloat(),
        uuid.UUID: Uuid(),
        datetime: UtcTime(),
        dict[str, Any]: JsonDocument,
        dict[str, str]: JsonDocument,
        dict[str, float]: JsonDocument,
        list[str]: JsonDocument,
        list[dict[str, Any]]: JsonDocument,
        list[list[float]]: JsonDocument,
    }

    def __repr__(self) -> str:
        loaded = vars(self)
        told = [f"{name}={loaded[name]}" for name in _TOLD if loaded.get(name) is not None]
        return f"<{' '.join([type(self).__name__, str(loaded.get('id', ''))[:8], *told])}>"


class IdentityMixin:
    """A row that is what its identity says: the primary key follows from it, see `row_id`."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-2)
    identity: Mapped[str] = mapped_column(unique=True, sort_order=-1)


class ProductMixin:
    """A table whose rows are products: they share the primary key of `Product` and go with it."""

    id: Mapped[uuid.UUID] = foreign_key(
        "products.id", cascade=True, primary_key=True, index=False, sort_order=-2
    )


class CreationMixin:
    """When the row was written."""

    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))

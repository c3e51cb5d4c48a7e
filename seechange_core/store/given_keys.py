"""Any number of given keys in a statement, as one value: databases limit how many values one may have."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, cast, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Elements(FunctionElement[str]):
    """The elements of a list in JSON, one a row, in the column ``value``."""

    inherit_cache = True


@compiles(_Elements, "sqlite")
def _in_sqlite(element: _Elements, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Elements, "postgresql")
def _in_postgresql(element: _Elements, compiler: Any, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSON))"


def given(keys: Iterable[UUID]) -> Select[UUID]:
    """Return a query that gives these keys: ``select(Product).where(Product.id.in_(given(keys)))``."""
    elements = _Elements(literal(json.dumps([key.hex for key in keys]), Text())).table_valued("value")
    return select(cast(elements.c.value, Uuid()))

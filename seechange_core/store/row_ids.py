"""Primary keys as people write them: the first digits are enough where no other begins with them."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from sqlalchemy import select

from seechange_core.errors import StoreError
from seechange_core.store.database import Database

_DIGITS = 32
_FEWEST = 4


def found_row(database: Database, text: str, *tables: Any) -> UUID:
    """Return the primary key that begins with some hexadecimal digits; a whole one is returned as it is.

    Parameters
    ----------
    database : Database
        Holds the rows.
    text : str
        Four digits or more, with hyphens or without.
    *tables : model
        Where to look; their keys are in the column ``id``.

    Raises
    ------
    StoreError
        If none begins with them, or several do, or it is no number at all.
    """
    digits = text.strip().lower().replace("-", "")
    if not re.fullmatch(f"[0-9a-f]{{{_FEWEST},{_DIGITS}}}", digits):
        raise StoreError(f"{text!r} is no id: give its first {_FEWEST} hexadecimal digits, or more")
    if len(digits) == _DIGITS:
        return UUID(digits)
    first, last = UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f"))
    with database.read() as session:
        found = {
            key
            for table in tables
            for key in session.scalars(select(table.id).where(table.id.between(first, last)).limit(2))
        }
    if len(found) != 1:
        names = " or ".join(table.__tablename__ for table in tables)
        few = "several ids begin" if found else "no id begins"
        advice = "give more digits" if found else "'seechange show' lists them"
        raise StoreError(f"{few} with {text} in {names} of {database.name}; {advice}")
    return UUID(str(found.pop()))

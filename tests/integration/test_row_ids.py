from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from seechange_core.errors import StoreError
from seechange_core.models import Object
from seechange_core.store.row_ids import found_row

ONE = UUID("0123abcd-89ab-cdef-0123-456789abcdef")
OTHER = UUID("0123abce-89ab-cdef-0123-456789abcdef")


def test_the_first_digits_of_an_id_are_enough_where_they_are_unique(store: Any) -> None:
    with store.database.write() as session:
        session.add_all([Object(id=key, name=str(key), ra=1.0, dec=2.0) for key in (ONE, OTHER)])
    for text in (str(ONE), ONE.hex, "0123abcd", "0123ABCD-89"):
        assert found_row(store.database, text, Object) == ONE
    for text, said in (
        ("0123ab", "several ids begin with 0123ab in objects of .*; give more digits"),
        ("ffff", "no id begins with ffff in objects of .*; 'seechange show' lists them"),
        ("012", "'012' is no id: give its first 4"),
        ("SC2026a", "'SC2026a' is no id"),
    ):
        with pytest.raises(StoreError, match=said):
            found_row(store.database, text, Object)

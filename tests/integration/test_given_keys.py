"""Any number of keys in one statement, on either database."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from seechange_core.models import Product
from seechange_core.store.detection_limits import detection_limits
from seechange_core.store.given_keys import given

#: More than either database takes values.
MANY = 70_000


@pytest.fixture
def strangers() -> list[uuid.UUID]:
    return [uuid.UUID(int=number) for number in range(MANY)]


def test_given_keys_are_found_among_many(full_chain: Any, strangers: list[uuid.UUID]) -> None:
    with full_chain.store.database.read() as session:
        everything = set(session.scalars(select(Product.id)))
        found = session.scalars(select(Product.id).where(Product.id.in_(given([*strangers, *everything]))))
        assert set(found) == everything
        assert session.scalars(select(Product.id).where(Product.id.in_(given([])))).all() == []


def test_limits_of_many_differences_are_one_statement(full_chain: Any, strangers: list[uuid.UUID]) -> None:
    difference = full_chain.records["difference"].product_id
    with full_chain.store.database.read() as session:
        key = session.scalars(select(Product.id).where(Product.identity == difference)).one()
        assert set(detection_limits(session, [*strangers, key])) == {key}

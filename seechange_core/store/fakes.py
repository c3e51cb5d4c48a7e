"""Injected sources of many images: how complete the searches are, and what was found of each source."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select

from seechange_core.frames import RecoveredTable
from seechange_core.models import Completeness, Image, Product
from seechange_core.store.given_keys import given
from seechange_core.store.latest import latest, tagged
from seechange_core.store.store import Store


@dataclass(frozen=True)
class FakesSelection:
    """Which searches are meant.

    Parameters
    ----------
    images : collection of UUID
        Primary keys of differences or of new images; empty for all.
    instrument, filter : str
        Empty for all.
    tag : str
        Of the processing.
    limit : int
        At most so many searches, the most recent first.
    """

    images: Collection[UUID] = ()
    instrument: str = ""
    filter: str = ""
    tag: str = "current"
    limit: int = 100


def listed_completeness(store: Store, selection: FakesSelection) -> list[dict[str, Any]]:
    """Return the rows of completeness with what they belong to, in the order of time."""
    searches = _searches(selection).subquery()
    fitted = (
        Completeness.environment,
        Completeness.stage,
        Completeness.n_fakes,
        Completeness.n_found,
        Completeness.magnitude50,
        Completeness.error50,
        Completeness.width,
        Completeness.width_error,
        Completeness.efficiency,
        Completeness.flux50,
        Completeness.flux_unit,
    )
    seen = (Image.instrument, Image.section, Image.mjd, Image.filter)
    wanted = (
        select(Completeness.image_id.label("image"), *seen, *fitted)
        .join(searches, searches.c.id == Completeness.product_id)
        .join(Image, Image.id == Completeness.image_id)
        .order_by(Image.mjd, Image.id, Completeness.product_id, Completeness.environment, Completeness.stage)
    )
    with store.database.read() as session:
        return [dict(row) for row in session.execute(wanted).mappings()]


def recovered_fakes(store: Store, selection: FakesSelection) -> list[RecoveredTable]:
    """Return the injected sources of each search with what was found of them, the most recent search first."""
    with store.database.read() as session:
        identities = [row.identity for row in session.execute(_searches(selection))]
    return [store.products.load(identity, "recovered") for identity in identities]


def _searches(selection: FakesSelection) -> Select[UUID, str]:
    described = select(Completeness.product_id, Completeness.image_id).distinct().subquery()
    wanted = (
        select(Product.id, Product.identity)
        .join(described, described.c.product_id == Product.id)
        .join(Image, Image.id == described.c.image_id)
        .where(latest(tagged(selection.tag)))
        .order_by(Image.mjd.desc(), Product.id)
        .limit(selection.limit)
    )
    for column, value in ((Image.instrument, selection.instrument), (Image.filter, selection.filter)):
        if value:
            wanted = wanted.where(column == value)
    if selection.images:
        named = given(selection.images)
        wanted = wanted.where(or_(Image.id.in_(named), Image.new_image_id.in_(named)))
    return wanted

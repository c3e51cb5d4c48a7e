"""Which of several processings of one exposure counts: the latest."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, tuple_
from sqlalchemy.orm import aliased

from seechange_core.models import Product, Provenance, ProvenanceTag


def tagged(tag: str) -> Select[str]:
    """Return a query for the ids of the provenances of a tag."""
    return select(ProvenanceTag.provenance_id).where(ProvenanceTag.tag == tag)


def only(*provenance_ids: str) -> Select[str]:
    """Return a query for the ids of a few provenances."""
    return select(Provenance.id).where(Provenance.id.in_(provenance_ids))


def same_work(one: Any, other: Any) -> ColumnElement[bool]:
    """Return the condition that two products are of the same exposure, place and process."""
    return and_(one.exposure_id == other.exposure_id, one.place == other.place, one.process == other.process)


def latest(provenances: Select[str] | None = None, product: Any = Product) -> ColumnElement[bool]:
    """Return the condition that a product is the latest of its exposure, place and process.

    An exposure that was processed twice, with other parameters or with calibration files that came later, counts once
    wherever this condition is. Products of no exposure, such as coadds, always fulfil it.

    Parameters
    ----------
    provenances : query, optional
        For the ids of those that are meant, see `tagged` and `only`: others neither count nor replace what does. By
        default all.
    product : Product or alias
        Of the statement in which the condition is used.
    """
    later = aliased(Product)
    after = select(later.id).where(
        same_work(later, product),
        tuple_(later.created_at, later.id) > tuple_(product.created_at, product.id),
    )
    if provenances is None:
        return ~after.exists()
    return (
        product.provenance_id.in_(provenances) & ~after.where(later.provenance_id.in_(provenances)).exists()
    )

"""Products: what every step has made or rejected, and from what."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.badness import BadnessMixin
from seechange_core.models.base import Base, CreationMixin, IdentityMixin
from seechange_core.models.columns import foreign_key, one_of


class Product(IdentityMixin, BadnessMixin, CreationMixin, Base):
    """One run of one process on one place, done or rejected; its product id is `identity`.

    Attributes
    ----------
    place : str
        Section of the exposure, or sky cell.
    anchor : str
        Hash of provenance, place and upstream products: known before inputs that depend on data are bound.
    inputs : dict
        Identities by role.
    branch : str
        Which branch of a condition was taken; empty for none.
    reason : str
        Why it was rejected; empty otherwise.
    """

    __tablename__ = "products"
    __table_args__ = (Index(None, "exposure_id", "place", "process"),)

    process: Mapped[str] = mapped_column(index=True)
    provenance_id: Mapped[str] = foreign_key("provenances.id")
    exposure_id: Mapped[uuid.UUID | None] = foreign_key("exposures.id", index=False)
    place: Mapped[str]
    anchor: Mapped[str] = mapped_column(index=True)
    inputs: Mapped[dict[str, Any]]
    branch: Mapped[str] = mapped_column(default="")
    metrics: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(one_of("state", "done", "rejected"))
    reason: Mapped[str] = mapped_column(default="")


class ProductInput(Base):
    """One thing that a product was made from: all that was made from something is one recursive query.

    Attributes
    ----------
    input_id : UUID
        Primary key of a product, an exposure or an excerpt: `row_id` of its identity.
    """

    __tablename__ = "product_inputs"

    product_id: Mapped[uuid.UUID] = foreign_key("products.id", cascade=True, primary_key=True, index=False)
    role: Mapped[str] = mapped_column(primary_key=True)
    input_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, index=True)


class Binding(CreationMixin, Base):
    """Which inputs that depend on data (reference, calibration files, excerpt) an anchor has been given."""

    __tablename__ = "bindings"

    anchor: Mapped[str] = mapped_column(primary_key=True)
    inputs: Mapped[dict[str, Any]]

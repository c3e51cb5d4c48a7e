"""Excerpts of star catalogues."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, CreationMixin, IdentityMixin
from seechange_core.models.files import FilesMixin
from seechange_core.models.position import PositionMixin


class CatalogExcerpt(IdentityMixin, PositionMixin, FilesMixin, CreationMixin, Base):
    """The stars of a cone, kept so that they are fetched once; `identity` is the excerpt id."""

    __tablename__ = "catalog_excerpts"

    catalog: Mapped[str] = mapped_column(index=True)
    radius_deg: Mapped[float]
    magnitude_limit: Mapped[float]
    n_stars: Mapped[int]
    description: Mapped[dict[str, Any]]

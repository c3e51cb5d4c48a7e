"""Objects: measurements of one place on the sky."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, CreationMixin
from seechange_core.models.position import PositionMixin


class Object(PositionMixin, CreationMixin, Base):
    """Something on the sky that was measured; the primary key is that of its founding measurement.

    Attributes
    ----------
    name : str or None
        Unique; None before it was given one.
    classification : str
        What it was found to be; empty if unknown.
    is_fake : bool
        True if it was injected.
    is_test : bool
        True if it comes from data that are not of the sky, such as simulations.
    """

    __tablename__ = "objects"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-2)
    name: Mapped[str | None] = mapped_column(unique=True)
    classification: Mapped[str] = mapped_column(default="")
    is_fake: Mapped[bool] = mapped_column(default=False)
    is_test: Mapped[bool] = mapped_column(default=False)

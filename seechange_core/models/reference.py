"""References: what new images are compared with."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, CreationMixin, IdentityMixin
from seechange_core.models.columns import foreign_key
from seechange_core.models.position import FootprintMixin


class RefSet(CreationMixin, Base):
    """A named set of references that a subtraction chooses from.

    Attributes
    ----------
    description : str
        What its references are for, as the profile says that built the latest one.
    """

    __tablename__ = "refsets"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")


class Reference(IdentityMixin, FootprintMixin, CreationMixin, Base):
    """A deep image of a sky cell in one filter; a retired one is no longer chosen.

    Attributes
    ----------
    replaced_by : str
        Identity of the reference that took its place; empty for none.
    """

    __tablename__ = "refs"

    refset_id: Mapped[uuid.UUID] = foreign_key("refsets.id", cascade=True)
    image_id: Mapped[uuid.UUID] = foreign_key("images.id", cascade=True)
    source_list_id: Mapped[uuid.UUID] = foreign_key("source_lists.id", cascade=True)
    instrument: Mapped[str]
    filter: Mapped[str]
    sky_cell: Mapped[str] = mapped_column(index=True)
    retired: Mapped[bool] = mapped_column(default=False)
    replaced_by: Mapped[str] = mapped_column(default="")

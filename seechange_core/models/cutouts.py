"""Stamps around detections."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Mapped

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.columns import foreign_key
from seechange_core.models.files import FilesMixin


class Cutouts(ProductMixin, FilesMixin, Base):
    """Stamps of new image, reference, difference and score around the detections of a source list, in its order."""

    __tablename__ = "cutouts"

    source_list_id: Mapped[uuid.UUID] = foreign_key("source_lists.id")
    image_id: Mapped[uuid.UUID] = foreign_key("images.id")
    n_cutouts: Mapped[int]
    size_pixel: Mapped[int]

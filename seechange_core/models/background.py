"""Sky backgrounds."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Mapped

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.columns import foreign_key
from seechange_core.models.files import FilesMixin


class Background(ProductMixin, FilesMixin, Base):
    """The sky of one image; the map is in the file, level and noise (rms) are its medians."""

    __tablename__ = "backgrounds"

    image_id: Mapped[uuid.UUID] = foreign_key("images.id")
    level_electron: Mapped[float]
    noise_electron: Mapped[float]

"""Lists of sources on an image, or of detections on a difference."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.columns import foreign_key
from seechange_core.models.files import FilesMixin


class SourceList(ProductMixin, FilesMixin, Base):
    """The sources of one image; the table itself is in the file.

    Attributes
    ----------
    limiting_flux_electron : float or None
        5 sigma, PSF, on empty sky.
    """

    __tablename__ = "source_lists"

    image_id: Mapped[uuid.UUID] = foreign_key("images.id")
    is_difference: Mapped[bool] = mapped_column(default=False)
    n_sources: Mapped[int]
    limiting_flux_electron: Mapped[float | None]

"""Point-spread functions."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Mapped

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.columns import foreign_key
from seechange_core.models.files import FilesMixin


class PSF(ProductMixin, FilesMixin, Base):
    """The PSF of one image, measured on stars of a source list; the model is in the file."""

    __tablename__ = "psfs"

    source_list_id: Mapped[uuid.UUID] = foreign_key("source_lists.id")
    image_id: Mapped[uuid.UUID] = foreign_key("images.id")
    fwhm_pixel: Mapped[float]
    n_stars: Mapped[int]

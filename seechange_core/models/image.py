"""Images: one section of an exposure, a coadd, or a difference."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.columns import foreign_key
from seechange_core.models.files import FilesMixin
from seechange_core.models.position import FootprintMixin

_ORIGIN = """CASE
WHEN is_difference THEN NOT is_coadd AND new_image_id IS NOT NULL AND ref_image_id IS NOT NULL
WHEN is_coadd THEN exposure_id IS NULL AND new_image_id IS NULL AND ref_image_id IS NULL
ELSE exposure_id IS NOT NULL AND section IS NOT NULL AND new_image_id IS NULL AND ref_image_id IS NULL
END"""


class Image(ProductMixin, FootprintMixin, FilesMixin, Base):
    """Pixels with variance and mask.

    An image comes from a section of an exposure, or is a coadd of its members (`ImageMember`), or is the
    difference of a new image and a reference. A difference repeats exposure and section of its new image.

    Attributes
    ----------
    mjd : float
        Mid-exposure, UTC; of a coadd the mean of its members.
    exposure_s : float
        Exposure time to which pixels and zero point belong: of a coadd, which is a mean, the median of its members,
        as its zero point is. ``info`` has their sum as ``total_exposure_s``.
    """

    __tablename__ = "images"
    __table_args__ = (CheckConstraint(_ORIGIN, name="origin"),)

    is_coadd: Mapped[bool] = mapped_column(default=False)
    is_difference: Mapped[bool] = mapped_column(default=False)
    exposure_id: Mapped[uuid.UUID | None] = foreign_key("exposures.id")
    section: Mapped[str | None]
    sky_cell: Mapped[str | None] = mapped_column(index=True)
    new_image_id: Mapped[uuid.UUID | None] = foreign_key("images.id")
    ref_image_id: Mapped[uuid.UUID | None] = foreign_key("images.id")
    instrument: Mapped[str]
    mjd: Mapped[float] = mapped_column(index=True)
    exposure_s: Mapped[float]
    filter: Mapped[str]
    project: Mapped[str] = mapped_column(default="")
    target: Mapped[str] = mapped_column(default="")
    info: Mapped[dict[str, Any]]


class ImageMember(Base):
    """One of the ordered images that a coadd was made from."""

    __tablename__ = "image_members"

    image_id: Mapped[uuid.UUID] = foreign_key("images.id", cascade=True, primary_key=True, index=False)
    position: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = foreign_key("images.id")

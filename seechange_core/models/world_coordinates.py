"""Astrometric solutions."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.columns import foreign_key
from seechange_core.models.position import FootprintMixin


class WorldCoordinates(ProductMixin, FootprintMixin, Base):
    """From pixels to the sky for one image, with the piece of sky that it covers.

    Attributes
    ----------
    mapping : dict
        All of `seechange_core.frames.SkyMapping`, exactly.
    rms_mas : float or None
        Residual of the fit along one axis; None where the mapping was given.
    relative_to : str
        The exposure whose nominal pointing and pixel scale positions follow; empty where they are ICRS.
    """

    __tablename__ = "world_coordinates"

    source_list_id: Mapped[uuid.UUID] = foreign_key("source_lists.id")
    image_id: Mapped[uuid.UUID] = foreign_key("images.id")
    rms_mas: Mapped[float | None]
    n_stars: Mapped[int]
    mapping: Mapped[dict[str, Any]]
    relative_to: Mapped[str] = mapped_column(default="")

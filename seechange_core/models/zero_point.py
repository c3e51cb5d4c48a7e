"""Photometric solutions."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.columns import foreign_key


class ZeroPoint(ProductMixin, Base):
    """From electrons to AB magnitudes for one image: m = -2.5 log10(flux) + `zero_point`.

    Attributes
    ----------
    calibrated : bool
        Whether a star catalogue supports it.
    relative_to : str
        The exposure whose nominal zero point it is relative to; empty for none.
    zero_point, zero_point_error, scatter : float or None
        Magnitudes; None if neither `calibrated` nor relative.
    solution : dict
        All of `seechange_core.frames.PhotometricSolution`, exactly.
    """

    __tablename__ = "zero_points"

    source_list_id: Mapped[uuid.UUID] = foreign_key("source_lists.id")
    image_id: Mapped[uuid.UUID] = foreign_key("images.id")
    calibrated: Mapped[bool]
    relative_to: Mapped[str] = mapped_column(default="")
    zero_point: Mapped[float | None]
    zero_point_error: Mapped[float | None]
    scatter: Mapped[float | None]
    n_stars: Mapped[int]
    filter: Mapped[str]
    catalog: Mapped[str]
    colour_term: Mapped[float | None]
    limiting_magnitude: Mapped[float | None]
    solution: Mapped[dict[str, Any]]

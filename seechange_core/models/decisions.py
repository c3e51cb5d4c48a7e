"""What was decided on every peak of a difference image."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.orm import Mapped

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.columns import foreign_key


class Decisions(ProductMixin, Base):
    """The decisions of one measuring: every peak that detection saw, with each test's value and verdict.

    Attributes
    ----------
    image_id : UUID
        The difference image.
    n_peaks, n_flagged, n_deleted : int
        Peaks; those that a test flagged and kept; those that a test deleted, so that they have no measurement.
    counts : dict
        By name of a test: how many peaks it ``flagged`` and how many it ``deleted``. A peak may fail several.
    peaks : bytes
        The `seechange_core.frames.DecisionTable`: columns and thresholds, compressed by zlib; the documentation of
        files says how to read it.
    """

    __tablename__ = "decisions"

    image_id: Mapped[uuid.UUID] = foreign_key("images.id")
    n_peaks: Mapped[int]
    n_flagged: Mapped[int]
    n_deleted: Mapped[int]
    counts: Mapped[dict[str, Any]]
    peaks: Mapped[bytes]

"""How real candidates look."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base
from seechange_core.models.columns import foreign_key


class DeepScore(Base):
    """What one scorer says of one measurement: 0 (bogus) to 1 (real), with its details as `info`.

    The primary key is `row_id` of the scoring product's id and of the row.
    """

    __tablename__ = "deep_scores"
    __table_args__ = (UniqueConstraint("product_id", "measurement_id", "scorer"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    product_id: Mapped[uuid.UUID] = foreign_key("products.id", cascade=True, index=False)
    measurement_id: Mapped[uuid.UUID] = foreign_key("measurements.id", cascade=True)
    scorer: Mapped[str]
    version: Mapped[str]
    score: Mapped[float | None]
    info: Mapped[dict[str, Any]]

"""How complete the search of an image is."""

from __future__ import annotations

import uuid

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base
from seechange_core.models.columns import foreign_key, one_of


class Completeness(Base):
    """Down to which magnitude injected sources were found on one difference image, in one environment.

    The primary key is `row_id` of the product of completeness and of the row. The part that is found at magnitude m is
    ``efficiency * Phi((magnitude50 - m) / width + z)``, see `seechange_core.frames.CompletenessTable`. What too few
    sources decide is None.

    Attributes
    ----------
    image_id : UUID
        The difference image whose search it describes.
    environment : {"sky", "galaxy", "star"}
        Where the sources were.
    stage : {"detected", "measured", "accepted"}
        What they had to reach: a detection; a measurement that no cut deleted; no scorer's score below the threshold
        that it recommends.
    n_fakes, n_found : int
        Sources that were injected, and that reached the stage.
    flux_unit : str
        Of `flux50`: ``"nJy"``, ``"relative"`` or ``"electron"``.
    magnitude50 : float or None
        AB magnitude at which half are found; None where the image is not calibrated.
    flux50 : float or None
        The same as a flux.
    error50, width, width_error : float or None
        Error of magnitude50; standard deviation of the slope and its error (mag).
    efficiency : float or None
        Part of the brightest sources that is found, 0 to 1.
    """

    __tablename__ = "completeness"
    __table_args__ = (
        UniqueConstraint("product_id", "environment", "stage"),
        Index(None, "image_id", "environment", "stage"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-2)
    product_id: Mapped[uuid.UUID] = foreign_key("products.id", cascade=True, index=False)
    image_id: Mapped[uuid.UUID] = foreign_key("images.id", index=False)
    environment: Mapped[str] = mapped_column(one_of("environment", "sky", "galaxy", "star"))
    stage: Mapped[str] = mapped_column(one_of("stage", "detected", "measured", "accepted"))
    n_fakes: Mapped[int]
    n_found: Mapped[int]
    flux_unit: Mapped[str] = mapped_column(one_of("flux_unit", "nJy", "relative", "electron"))
    magnitude50: Mapped[float | None]
    flux50: Mapped[float | None]
    error50: Mapped[float | None]
    width: Mapped[float | None]
    width_error: Mapped[float | None]
    efficiency: Mapped[float | None]

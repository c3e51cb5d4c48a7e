"""Where on the sky a row is."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column


class PositionMixin:
    """A sky position (deg, ICRS) with its index; all three are NULL where it is unknown.

    Attributes
    ----------
    sky_index : int
        HEALPix cell of nested order 29; see `seechange_core.models.sky_index`.
    """

    ra: Mapped[float | None]
    dec: Mapped[float | None]
    sky_index: Mapped[int | None] = mapped_column(BigInteger, index=True)


class FootprintMixin(PositionMixin):
    """A piece of sky with straight sides; the position is its centre.

    Attributes
    ----------
    corners : list of [ra, dec]
        The four corners (deg), counted around.
    radius_deg : float
        From the position to the farthest corner.
    """

    corners: Mapped[list[list[float]] | None]
    radius_deg: Mapped[float | None]

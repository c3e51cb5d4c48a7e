"""Objects: measurements of one place on the sky."""

from __future__ import annotations

import uuid
from enum import IntFlag

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, CreationMixin
from seechange_core.models.position import PositionMixin


class ObjectFlag(IntFlag):
    """What an object was found to be; the numbers are stored and never change."""

    TRANSIENT = 1
    VARIABLE = 2
    MOVING = 4
    STAR = 8
    NUCLEUS = 16
    ARTEFACT = 32


class Object(PositionMixin, CreationMixin, Base):
    """Something on the sky that was measured; the position is the weighted mean of its measurements.

    The primary key is `row_id` of the name.

    Attributes
    ----------
    name : str or None
        Unique, and never given again.
    position_error_arcsec : float or None
        1 sigma along one axis; None where no measurement has an error.
    relative_to : str
        The exposure whose nominal pointing the position follows; empty where it is ICRS. Objects of different frames
        never share a measurement.
    classification : str
        What it was found to be, in words; empty if unknown.
    flags : int
        The same as flags of `ObjectFlag`.
    is_fake : bool
        True if it was injected.
    is_test : bool
        True if it comes from data that are not of the sky, such as simulations.
    merged_into : UUID or None
        The object that has its measurements now.
    """

    __tablename__ = "objects"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-2)
    name: Mapped[str | None] = mapped_column(unique=True)
    position_error_arcsec: Mapped[float | None]
    relative_to: Mapped[str] = mapped_column(default="")
    classification: Mapped[str] = mapped_column(default="")
    flags: Mapped[int] = mapped_column(BigInteger, default=0)
    is_fake: Mapped[bool] = mapped_column(default=False)
    is_test: Mapped[bool] = mapped_column(default=False)
    merged_into: Mapped[uuid.UUID | None] = mapped_column(index=True)


class ObjectCounter(Base):
    """How many objects were named in a year, so that no two get the same name.

    Attributes
    ----------
    year : int
        In which their first measurements were taken (UTC).
    last : int
        The number of the latest name.
    """

    __tablename__ = "object_counters"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(BigInteger)

"""Properties of a CCD that changed with time."""

from __future__ import annotations

import uuid

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base


class SensorSection(Base):
    """What is true of a section for some time; None leaves the instrument's own value.

    Attributes
    ----------
    valid_from_mjd, valid_to_mjd : float
        From, inclusive, and to, exclusive; None for no end.
    gain : float or None
        Electron per ADU.
    """

    __tablename__ = "sensor_sections"
    __table_args__ = (UniqueConstraint("instrument", "section", "valid_from_mjd"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    instrument: Mapped[str]
    section: Mapped[str]
    valid_from_mjd: Mapped[float]
    valid_to_mjd: Mapped[float | None]
    gain: Mapped[float | None]
    read_noise_electron: Mapped[float | None]
    saturation_adu: Mapped[float | None]
    defective: Mapped[bool | None]

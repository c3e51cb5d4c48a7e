"""Exposures: what a camera delivered."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.badness import BadnessMixin
from seechange_core.models.base import Base, CreationMixin, IdentityMixin
from seechange_core.models.columns import one_of
from seechange_core.models.files import FilesMixin
from seechange_core.models.position import FootprintMixin


class Exposure(IdentityMixin, FootprintMixin, FilesMixin, BadnessMixin, CreationMixin, Base):
    """One exposure with the files that hold all its sections.

    Attributes
    ----------
    mjd : float
        Mid-exposure, UTC.
    filter : str or None
        None where each section has its own, see `section_filters`.
    sections : list of str
        Sections whose pixels the files hold.
    info : dict
        Further standard names in lower case: ``airmass``, ``telescope`` ...
    state : str
        ``"new"`` before any section ran, else the worst that one of its sections ended in.
    """

    __tablename__ = "exposures"

    instrument: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(one_of("kind", "science", "bias", "dark", "flat"))
    mjd: Mapped[float] = mapped_column(index=True)
    exposure_s: Mapped[float]
    filter: Mapped[str | None]
    section_filters: Mapped[dict[str, str]]
    sections: Mapped[list[str]]
    project: Mapped[str] = mapped_column(default="")
    target: Mapped[str] = mapped_column(default="", index=True)
    processing: Mapped[str] = mapped_column(one_of("processing", "raw", "calibrated"))
    info: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(
        one_of("state", "new", "running", "done", "waiting", "rejected", "failed"), default="new"
    )

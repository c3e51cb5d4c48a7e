"""Calibration files: bias, flat and others, by section and time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.badness import BadnessMixin
from seechange_core.models.base import Base, CreationMixin, IdentityMixin
from seechange_core.models.files import FilesMixin


class CalibratorFile(IdentityMixin, FilesMixin, BadnessMixin, CreationMixin, Base):
    """One calibration file of one section; `identity` is its product id, or the hash of a foreign file.

    Attributes
    ----------
    kind : str
        ``"bias"``, ``"flat"`` ...
    filter : str or None
        None for kinds that do not depend on it.
    valid_from_mjd, valid_to_mjd : float or None
        When it may be used; None for no limit.
    mjd : float or None
        Middle of the exposures that it was made from; None if it was made elsewhere.
    metrics : dict
        Its quality in numbers, and which exposures were rejected for what reason.
    retired : bool
        True if it is no longer chosen.
    """

    __tablename__ = "calibrator_files"
    __table_args__ = (Index(None, "instrument", "section", "kind"),)

    kind: Mapped[str]
    instrument: Mapped[str]
    section: Mapped[str]
    filter: Mapped[str | None]
    valid_from_mjd: Mapped[float | None]
    valid_to_mjd: Mapped[float | None]
    mjd: Mapped[float | None]
    metrics: Mapped[dict[str, Any]]
    retired: Mapped[bool] = mapped_column(default=False)

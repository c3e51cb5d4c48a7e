"""Calibration files: bias, flat and others, by section and time."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, ProductMixin
from seechange_core.models.files import FilesMixin


class CalibratorFile(ProductMixin, FilesMixin, Base):
    """One calibration file of one section; a product made of raw exposures and of earlier calibration files.

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
    retired: Mapped[bool] = mapped_column(default=False)

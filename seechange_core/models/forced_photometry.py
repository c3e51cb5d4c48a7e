"""Forced photometry: fluxes at the place of an object, whether or not anything was detected there."""

from __future__ import annotations

import uuid

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, CreationMixin
from seechange_core.models.columns import foreign_key, one_of


class ForcedPhotometry(CreationMixin, Base):
    """The flux at an object's position on one difference image; the light curve of an object is all its rows.

    The primary key is `row_id` of provenance, object and image.

    Attributes
    ----------
    image_id : UUID
        The difference image.
    ra, dec : float
        Where the flux was measured (deg): the position of the object at that time.
    x, y : float
        The same on the image (pixel).
    mjd : float
        Mid-exposure, UTC.
    flux, flux_error : float or None
        PSF flux of the difference and 1 sigma, in `flux_unit`; None where too few pixels can be used.
    reference_flux, reference_flux_error : float or None
        PSF flux of the source that the reference has at this place, and 1 sigma; None where it has none.
    flux_unit : str
        As in `Measurements`.
    masked_fraction : float
        Part of the PSF's light that falls on unusable pixels, 0 to 1.
    chi2 : float or None
        Reduced chi-square of the fit.
    """

    __tablename__ = "forced_photometry"
    __table_args__ = (UniqueConstraint("object_id", "image_id", "provenance_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-2)
    object_id: Mapped[uuid.UUID] = foreign_key("objects.id", cascade=True, index=False)
    image_id: Mapped[uuid.UUID] = foreign_key("images.id", cascade=True)
    provenance_id: Mapped[str] = foreign_key("provenances.id")
    ra: Mapped[float]
    dec: Mapped[float]
    x: Mapped[float]
    y: Mapped[float]
    mjd: Mapped[float]
    filter: Mapped[str]
    flux: Mapped[float | None]
    flux_error: Mapped[float | None]
    reference_flux: Mapped[float | None]
    reference_flux_error: Mapped[float | None]
    flux_unit: Mapped[str] = mapped_column(one_of("flux_unit", "nJy", "relative", "electron"))
    masked_fraction: Mapped[float]
    chi2: Mapped[float | None]

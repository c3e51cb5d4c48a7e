"""Measured candidates."""

from __future__ import annotations

import uuid

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.badness import BadnessMixin
from seechange_core.models.base import Base
from seechange_core.models.columns import foreign_key, one_of
from seechange_core.models.position import PositionMixin


class Measurements(PositionMixin, BadnessMixin, Base):
    """One candidate on one difference image, with all that a light curve needs.

    The primary key is `row_id` of the measuring product's id and of the row. Columns that are not listed are
    those of `seechange_core.frames.MeasurementTable`, with its names and units.

    Attributes
    ----------
    image_id : UUID
        The difference image.
    object_id : UUID or None
        None before association.
    calibrated : bool
        Whether fluxes are nJy; otherwise there are no magnitudes.
    flux_unit : str
        ``"nJy"``; ``"relative"``, electrons of the exposure that all are relative to; or ``"electron"``, of the image.
    sky_frame : str
        What right ascension and declination are in: ``"icrs"``, or ``"relative"`` to an exposure's nominal pointing.
    """

    __tablename__ = "measurements"
    __table_args__ = (UniqueConstraint("product_id", "row"), Index(None, "object_id", "mjd"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-2)
    product_id: Mapped[uuid.UUID] = foreign_key("products.id", cascade=True, index=False)
    row: Mapped[int]
    image_id: Mapped[uuid.UUID] = foreign_key("images.id")
    cutouts_id: Mapped[uuid.UUID] = foreign_key("cutouts.id")
    object_id: Mapped[uuid.UUID | None] = foreign_key("objects.id", index=False)
    mjd: Mapped[float]
    filter: Mapped[str]
    calibrated: Mapped[bool]
    flux_unit: Mapped[str] = mapped_column(one_of("flux_unit", "nJy", "relative", "electron"))
    sky_frame: Mapped[str] = mapped_column(one_of("sky_frame", "icrs", "relative"))
    x: Mapped[float]
    y: Mapped[float]
    x_error: Mapped[float | None]
    y_error: Mapped[float | None]
    position_error_arcsec: Mapped[float | None]
    flux: Mapped[float | None]
    flux_error: Mapped[float | None]
    aperture_flux: Mapped[float | None]
    aperture_flux_error: Mapped[float | None]
    magnitude: Mapped[float | None]
    magnitude_error: Mapped[float | None]
    score: Mapped[float | None]
    snr: Mapped[float | None]
    chi2: Mapped[float | None]
    width_ratio: Mapped[float | None]
    elongation: Mapped[float | None]
    n_bad: Mapped[int]
    n_negative: Mapped[int]
    new_flux: Mapped[float | None]
    reference_flux: Mapped[float | None]
    misfit: Mapped[float | None]
    peak_ratio: Mapped[float | None]
    dipole_fraction: Mapped[float | None]
    edge_distance: Mapped[float | None]
    psf_like: Mapped[bool]
    mask: Mapped[int]

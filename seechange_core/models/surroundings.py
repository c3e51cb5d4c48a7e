"""What is near candidates."""

from __future__ import annotations

import uuid

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base
from seechange_core.models.columns import foreign_key


class Surroundings(Base):
    """What is near one measured candidate, and how it stood above the horizon.

    The primary key is `row_id` of the product's id and of the row. Columns that are not listed are those of
    `seechange_core.frames.SurroundingsTable`, with its names and units; what is unknown is NULL, or an empty name.

    Attributes
    ----------
    flux_unit : str
        What the flux of the reference's source is in: see `Measurements`.
    galaxies : str
        What galaxies are: the name of a catalogue, or ``"reference"``, its extended sources.
    """

    __tablename__ = "surroundings"
    __table_args__ = (UniqueConstraint("product_id", "measurement_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    product_id: Mapped[uuid.UUID] = foreign_key("products.id", cascade=True, index=False)
    measurement_id: Mapped[uuid.UUID] = foreign_key("measurements.id", cascade=True)
    flux_unit: Mapped[str]
    galaxies: Mapped[str]
    reference_source_distance: Mapped[float | None]
    reference_source_flux: Mapped[float | None]
    reference_source_magnitude: Mapped[float | None]
    reference_source_extension: Mapped[float | None]
    reference_source_is_star: Mapped[bool]
    saturated_distance: Mapped[float | None]
    saturated_pixels: Mapped[float | None]
    saturated_magnitude: Mapped[float | None]
    spike_distance: Mapped[float | None]
    star_id: Mapped[str]
    star_distance: Mapped[float | None]
    star_magnitude: Mapped[float | None]
    star_variable: Mapped[int]
    star_proper_motion: Mapped[float | None]
    galaxy_id: Mapped[str]
    galaxy_distance: Mapped[float | None]
    galaxy_magnitude: Mapped[float | None]
    asteroid: Mapped[str]
    asteroid_distance: Mapped[float | None]
    asteroid_magnitude: Mapped[float | None]
    asteroid_motion: Mapped[float | None]
    airmass: Mapped[float | None]
    parallactic_angle: Mapped[float | None]

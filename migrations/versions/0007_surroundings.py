"""Add what is near candidates."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBERS = (
    "reference_source_distance",
    "reference_source_flux",
    "reference_source_magnitude",
    "reference_source_extension",
    "saturated_distance",
    "saturated_pixels",
    "saturated_magnitude",
    "spike_distance",
    "star_distance",
    "star_magnitude",
    "star_proper_motion",
    "galaxy_distance",
    "galaxy_magnitude",
    "asteroid_distance",
    "asteroid_magnitude",
    "asteroid_motion",
    "airmass",
    "parallactic_angle",
)
TEXTS = ("flux_unit", "galaxies", "star_id", "galaxy_id", "asteroid")


def key_of(name: str, table: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "surroundings",
        sa.Column("id", sa.Uuid(), primary_key=True),
        key_of("product_id", "products"),
        key_of("measurement_id", "measurements"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXTS),
        *(sa.Column(name, sa.Double(), nullable=True) for name in NUMBERS),
        sa.Column("reference_source_is_star", sa.Boolean(), nullable=False),
        sa.Column("star_variable", sa.Integer(), nullable=False),
        sa.UniqueConstraint("product_id", "measurement_id"),
    )
    op.create_index("ix_surroundings_measurement_id", "surroundings", ["measurement_id"])

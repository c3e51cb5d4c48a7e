"""Frames, flags and names of objects, and forced photometry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UNITS = ("nJy", "relative", "electron")


def upgrade() -> None:
    for column in (
        sa.Column("position_error_arcsec", sa.Double(), nullable=True),
        sa.Column("relative_to", sa.Text(), nullable=False, server_default=""),
        sa.Column("flags", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
    ):
        op.add_column("objects", column)
    op.create_index("ix_objects_merged_into", "objects", ["merged_into"])
    op.create_table(
        "object_counters",
        sa.Column("year", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
    )
    numbers = [
        sa.Column(name, sa.Double(), nullable=True)
        for name in ("flux", "flux_error", "reference_flux", "reference_flux_error", "chi2")
    ]
    known = [
        sa.Column(name, sa.Double(), nullable=False)
        for name in ("ra", "dec", "x", "y", "mjd", "masked_fraction")
    ]
    op.create_table(
        "forced_photometry",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("object_id", sa.Uuid(), sa.ForeignKey("objects.id", ondelete="CASCADE"), nullable=False),
        sa.Column(
            "image_id", sa.Uuid(), sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("provenance_id", sa.Text(), sa.ForeignKey("provenances.id"), nullable=False, index=True),
        *known,
        sa.Column("filter", sa.Text(), nullable=False),
        *numbers,
        sa.Column(
            "flux_unit",
            sa.Enum(*UNITS, name="flux_unit", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("object_id", "image_id", "provenance_id"),
    )

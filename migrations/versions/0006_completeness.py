"""Down to which magnitude searches find injected sources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    numbers = [
        sa.Column(name, sa.Double(), nullable=True)
        for name in ("magnitude50", "flux50", "error50", "width", "width_error", "efficiency")
    ]
    op.create_table(
        "completeness",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("product_id", sa.Uuid(), sa.ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
        sa.Column("image_id", sa.Uuid(), sa.ForeignKey("images.id"), nullable=False),
        sa.Column("environment", one_of("environment", "sky", "galaxy", "star"), nullable=False),
        sa.Column("stage", one_of("stage", "detected", "measured", "accepted"), nullable=False),
        sa.Column("n_fakes", sa.Integer(), nullable=False),
        sa.Column("n_found", sa.Integer(), nullable=False),
        sa.Column("flux_unit", one_of("flux_unit", "nJy", "relative", "electron"), nullable=False),
        *numbers,
        sa.UniqueConstraint("product_id", "environment", "stage"),
    )
    op.create_index(
        "ix_completeness_image_id_environment_stage", "completeness", ["image_id", "environment", "stage"]
    )

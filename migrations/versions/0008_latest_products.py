"""Find the latest product of an exposure, place and process at once."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_products_exposure_id_place_process", "products", ["exposure_id", "place", "process"])
    op.drop_index("ix_products_exposure_id", "products")

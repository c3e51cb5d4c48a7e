"""Say of a reference which one took its place."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE refs ADD COLUMN replaced_by TEXT DEFAULT '' NOT NULL")

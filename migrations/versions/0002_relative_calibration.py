"""Say of solutions and measurements what they are relative to."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def add_text(table: str, name: str, default: str) -> None:
    op.execute(f"ALTER TABLE {table} ADD COLUMN {name} TEXT DEFAULT '{default}' NOT NULL")


def add_choice(table: str, name: str, *values: str) -> None:
    """Add a text column whose default is the first value; Alembic would write the table anew on SQLite."""
    listed = ", ".join(f"'{value}'" for value in values)
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {name} VARCHAR(20) DEFAULT '{values[0]}' NOT NULL "
        f"CONSTRAINT ck_{table}_{name} CHECK ({name} IN ({listed}))"
    )


def upgrade() -> None:
    add_text("world_coordinates", "relative_to", "")
    add_text("zero_points", "relative_to", "")
    add_choice("measurements", "flux_unit", "nJy", "relative", "electron")
    add_choice("measurements", "sky_frame", "icrs", "relative")
    op.execute("UPDATE measurements SET flux_unit = 'electron' WHERE NOT calibrated")

"""All tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

document = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

ORIGIN_OF_IMAGE = """CASE
WHEN is_difference THEN NOT is_coadd AND new_image_id IS NOT NULL AND ref_image_id IS NOT NULL
WHEN is_coadd THEN exposure_id IS NULL AND new_image_id IS NULL AND ref_image_id IS NULL
ELSE exposure_id IS NOT NULL AND section IS NOT NULL AND new_image_id IS NULL AND ref_image_id IS NULL
END"""


def one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def product_key() -> sa.Column[Any]:
    return sa.Column("id", sa.Uuid(), sa.ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)


def refers(
    name: str, target: str, *, cascade: bool = False, nullable: bool = False, index: bool = True
) -> sa.Column[Any]:
    key = sa.ForeignKey(target, ondelete="CASCADE" if cascade else None)
    return sa.Column(name, sa.Uuid(), key, nullable=nullable, index=index)


def files() -> list[sa.Column[Any]]:
    return [
        sa.Column("path_stem", sa.Text(), nullable=False),
        sa.Column("components", document, nullable=False),
        sa.Column("archive_state", one_of("archive_state", "none", "archived"), nullable=False),
    ]


def position() -> list[sa.Column[Any]]:
    return [
        sa.Column("ra", sa.Double(), nullable=True),
        sa.Column("dec", sa.Double(), nullable=True),
        sa.Column("sky_index", sa.BigInteger(), nullable=True, index=True),
    ]


def footprint() -> list[sa.Column[Any]]:
    return [
        *position(),
        sa.Column("corners", document, nullable=True),
        sa.Column("radius_deg", sa.Double(), nullable=True),
    ]


def badness() -> list[sa.Column[Any]]:
    return [
        sa.Column("badness", sa.BigInteger(), nullable=False),
        sa.Column("upstream_badness", sa.BigInteger(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "bindings",
        sa.Column("anchor", sa.Text(), primary_key=True),
        sa.Column("inputs", document, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "catalog_excerpts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("identity", sa.Text(), nullable=False, unique=True),
        sa.Column("catalog", sa.Text(), nullable=False, index=True),
        sa.Column("radius_deg", sa.Double(), nullable=False),
        sa.Column("magnitude_limit", sa.Double(), nullable=False),
        sa.Column("n_stars", sa.Integer(), nullable=False),
        sa.Column("description", document, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *position(),
        *files(),
    )
    op.create_table(
        "code_versions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("identity", sa.Text(), nullable=False, unique=True),
        sa.Column("packages", document, nullable=False),
        sa.Column("git_commit", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "exposures",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("identity", sa.Text(), nullable=False, unique=True),
        sa.Column("instrument", sa.Text(), nullable=False, index=True),
        sa.Column("kind", one_of("kind", "science", "bias", "dark", "flat"), nullable=False),
        sa.Column("mjd", sa.Double(), nullable=False, index=True),
        sa.Column("exposure_s", sa.Double(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=True),
        sa.Column("section_filters", document, nullable=False),
        sa.Column("sections", document, nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False, index=True),
        sa.Column("processing", one_of("processing", "raw", "calibrated"), nullable=False),
        sa.Column("info", document, nullable=False),
        sa.Column(
            "state",
            one_of("state", "new", "running", "done", "waiting", "rejected", "failed"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *footprint(),
        *files(),
        *badness(),
    )
    op.create_table(
        "objects",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=True, unique=True),
        sa.Column("classification", sa.Text(), nullable=False),
        sa.Column("is_fake", sa.Boolean(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *position(),
    )
    op.create_table(
        "provenances",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("process", sa.Text(), nullable=False, index=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("parameters", document, nullable=False),
        sa.Column("upstream", document, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "refsets",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "sensor_sections",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("valid_from_mjd", sa.Double(), nullable=False),
        sa.Column("valid_to_mjd", sa.Double(), nullable=True),
        sa.Column("gain", sa.Double(), nullable=True),
        sa.Column("read_noise_electron", sa.Double(), nullable=True),
        sa.Column("saturation_adu", sa.Double(), nullable=True),
        sa.Column("defective", sa.Boolean(), nullable=True),
        sa.UniqueConstraint("instrument", "section", "valid_from_mjd"),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("identity", sa.Text(), nullable=False, unique=True),
        sa.Column("process", sa.Text(), nullable=False, index=True),
        sa.Column("provenance_id", sa.Text(), sa.ForeignKey("provenances.id"), nullable=False, index=True),
        refers("exposure_id", "exposures.id", nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("anchor", sa.Text(), nullable=False, index=True),
        sa.Column("inputs", document, nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("metrics", document, nullable=False),
        sa.Column("state", one_of("state", "done", "rejected"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *badness(),
    )
    op.create_table(
        "provenance_tags",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("provenance_id", sa.Text(), sa.ForeignKey("provenances.id"), nullable=False, index=True),
        sa.UniqueConstraint("tag", "instrument", "process"),
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(), primary_key=True),
        refers("exposure_id", "exposures.id", cascade=True, nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column(
            "state", one_of("state", "running", "done", "waiting", "rejected", "failed"), nullable=False
        ),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("warnings", document, nullable=False),
        sa.Column("seconds", document, nullable=False),
        sa.Column("peak_memory_mb", document, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Integer(), nullable=False),
        sa.Column("command_line", sa.Text(), nullable=False),
        refers("code_version_id", "code_versions.id"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "calibrator_files",
        product_key(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=True),
        sa.Column("valid_from_mjd", sa.Double(), nullable=True),
        sa.Column("valid_to_mjd", sa.Double(), nullable=True),
        sa.Column("mjd", sa.Double(), nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=False),
        *files(),
        sa.Index(None, "instrument", "section", "kind"),
    )
    op.create_table(
        "data_files",
        sa.Column("id", sa.Uuid(), primary_key=True),
        refers("product_id", "products.id", cascade=True, index=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *files(),
        sa.UniqueConstraint("product_id", "role"),
    )
    op.create_table(
        "images",
        product_key(),
        sa.Column("is_coadd", sa.Boolean(), nullable=False),
        sa.Column("is_difference", sa.Boolean(), nullable=False),
        refers("exposure_id", "exposures.id", nullable=True),
        sa.Column("section", sa.Text(), nullable=True),
        sa.Column("sky_cell", sa.Text(), nullable=True, index=True),
        refers("new_image_id", "images.id", nullable=True),
        refers("ref_image_id", "images.id", nullable=True),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("mjd", sa.Double(), nullable=False, index=True),
        sa.Column("exposure_s", sa.Double(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("info", document, nullable=False),
        *footprint(),
        *files(),
        sa.CheckConstraint(ORIGIN_OF_IMAGE, name="origin"),
    )
    op.create_table(
        "product_inputs",
        sa.Column(
            "product_id", sa.Uuid(), sa.ForeignKey("products.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("role", sa.Text(), primary_key=True),
        sa.Column("input_id", sa.Uuid(), primary_key=True, index=True),
    )
    op.create_table(
        "backgrounds",
        product_key(),
        refers("image_id", "images.id"),
        sa.Column("level_electron", sa.Double(), nullable=False),
        sa.Column("noise_electron", sa.Double(), nullable=False),
        *files(),
    )
    op.create_table(
        "image_members",
        sa.Column("image_id", sa.Uuid(), sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        refers("member_id", "images.id"),
    )
    op.create_table(
        "source_lists",
        product_key(),
        refers("image_id", "images.id"),
        sa.Column("is_difference", sa.Boolean(), nullable=False),
        sa.Column("n_sources", sa.Integer(), nullable=False),
        sa.Column("limiting_flux_electron", sa.Double(), nullable=True),
        *files(),
    )
    op.create_table(
        "cutouts",
        product_key(),
        refers("source_list_id", "source_lists.id"),
        refers("image_id", "images.id"),
        sa.Column("n_cutouts", sa.Integer(), nullable=False),
        sa.Column("size_pixel", sa.Integer(), nullable=False),
        *files(),
    )
    op.create_table(
        "psfs",
        product_key(),
        refers("source_list_id", "source_lists.id"),
        refers("image_id", "images.id"),
        sa.Column("fwhm_pixel", sa.Double(), nullable=False),
        sa.Column("n_stars", sa.Integer(), nullable=False),
        *files(),
    )
    op.create_table(
        "refs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("identity", sa.Text(), nullable=False, unique=True),
        refers("refset_id", "refsets.id", cascade=True),
        refers("image_id", "images.id", cascade=True),
        refers("source_list_id", "source_lists.id", cascade=True),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("sky_cell", sa.Text(), nullable=False, index=True),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *footprint(),
    )
    op.create_table(
        "world_coordinates",
        product_key(),
        refers("source_list_id", "source_lists.id"),
        refers("image_id", "images.id"),
        sa.Column("rms_mas", sa.Double(), nullable=True),
        sa.Column("n_stars", sa.Integer(), nullable=False),
        sa.Column("mapping", document, nullable=False),
        *footprint(),
    )
    op.create_table(
        "zero_points",
        product_key(),
        refers("source_list_id", "source_lists.id"),
        refers("image_id", "images.id"),
        sa.Column("calibrated", sa.Boolean(), nullable=False),
        sa.Column("zero_point", sa.Double(), nullable=True),
        sa.Column("zero_point_error", sa.Double(), nullable=True),
        sa.Column("scatter", sa.Double(), nullable=True),
        sa.Column("n_stars", sa.Integer(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("catalog", sa.Text(), nullable=False),
        sa.Column("colour_term", sa.Double(), nullable=True),
        sa.Column("limiting_magnitude", sa.Double(), nullable=True),
        sa.Column("solution", document, nullable=False),
    )
    op.create_table(
        "measurements",
        sa.Column("id", sa.Uuid(), primary_key=True),
        refers("product_id", "products.id", cascade=True, index=False),
        sa.Column("row", sa.Integer(), nullable=False),
        refers("image_id", "images.id"),
        refers("cutouts_id", "cutouts.id"),
        refers("object_id", "objects.id", nullable=True, index=False),
        sa.Column("mjd", sa.Double(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("calibrated", sa.Boolean(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("x_error", sa.Double(), nullable=True),
        sa.Column("y_error", sa.Double(), nullable=True),
        sa.Column("position_error_arcsec", sa.Double(), nullable=True),
        sa.Column("flux", sa.Double(), nullable=True),
        sa.Column("flux_error", sa.Double(), nullable=True),
        sa.Column("aperture_flux", sa.Double(), nullable=True),
        sa.Column("aperture_flux_error", sa.Double(), nullable=True),
        sa.Column("magnitude", sa.Double(), nullable=True),
        sa.Column("magnitude_error", sa.Double(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("snr", sa.Double(), nullable=True),
        sa.Column("chi2", sa.Double(), nullable=True),
        sa.Column("width_ratio", sa.Double(), nullable=True),
        sa.Column("elongation", sa.Double(), nullable=True),
        sa.Column("n_bad", sa.Integer(), nullable=False),
        sa.Column("n_negative", sa.Integer(), nullable=False),
        sa.Column("new_flux", sa.Double(), nullable=True),
        sa.Column("reference_flux", sa.Double(), nullable=True),
        sa.Column("misfit", sa.Double(), nullable=True),
        sa.Column("peak_ratio", sa.Double(), nullable=True),
        sa.Column("dipole_fraction", sa.Double(), nullable=True),
        sa.Column("edge_distance", sa.Double(), nullable=True),
        sa.Column("psf_like", sa.Boolean(), nullable=False),
        sa.Column("mask", sa.Integer(), nullable=False),
        *position(),
        *badness(),
        sa.UniqueConstraint("product_id", "row"),
        sa.Index(None, "object_id", "mjd"),
    )
    op.create_table(
        "deep_scores",
        sa.Column("id", sa.Uuid(), primary_key=True),
        refers("product_id", "products.id", cascade=True, index=False),
        refers("measurement_id", "measurements.id", cascade=True),
        sa.Column("scorer", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("info", document, nullable=False),
        sa.UniqueConstraint("product_id", "measurement_id", "scorer"),
    )

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import sqlite

from seechange_core.models import Badness, Base, Exposure, row_id
from seechange_core.models.columns import UtcTime


def test_primary_keys_never_change() -> None:
    """Rows of years of processing are found by them."""
    assert row_id("abc") == uuid.UUID("0b568ca5-96e4-5a63-9e35-861d2c5090c3")
    assert row_id("abc", 0) == uuid.UUID("276496c0-b4bc-5e27-b5c4-f4bf5a5b40ee")


def test_rows_of_a_product_have_keys_of_their_own() -> None:
    assert len({row_id("abc"), row_id("abc", 0), row_id("abc", 1), row_id("abd", 0)}) == 4


def test_flags_of_bad_data_never_change() -> None:
    assert {flag.name: flag.value for flag in Badness} == {
        "BAD_SEEING": 1,
        "CLOUDS": 2,
        "TRAILED": 4,
        "BRIGHT_SKY": 8,
        "BAD_CALIBRATION": 16,
        "BAD_ASTROMETRY": 32,
        "BAD_PHOTOMETRY": 64,
        "BAD_SUBTRACTION": 128,
        "ELECTRONICS": 256,
        "OTHER": 512,
        "CONTAMINATED": 1024,
    }


def test_every_foreign_key_has_an_index() -> None:
    """Without, each deletion would read whole tables."""
    for table in Base.metadata.sorted_tables:
        leading = {next(iter(index.columns)).name for index in table.indexes}
        leading |= {next(iter(table.primary_key.columns)).name}
        for constraint in table.constraints:
            if constraint.name.startswith("uq_"):
                leading.add(next(iter(constraint.columns)).name)
        assert {key.parent.name for key in table.foreign_keys} <= leading, table.name


def test_times_without_a_zone_are_refused_and_others_become_utc() -> None:
    kind, dialect = UtcTime(), sqlite.dialect()
    with pytest.raises(ValueError, match="time zone"):
        kind.process_bind_param(datetime(2026, 1, 1), dialect)
    chile = timezone(timedelta(hours=-3))
    assert kind.process_bind_param(datetime(2026, 1, 1, 21, tzinfo=chile), dialect) == datetime(
        2026, 1, 2, tzinfo=UTC
    )


def test_paths_of_several_files() -> None:
    components = [
        {"name": "ooi.fits", "sha256": "", "size": 1},
        {"name": "oow.fits", "sha256": "", "size": 1},
    ]
    exposure = Exposure(path_stem="/raw/c4d_", components=components)
    assert exposure.paths() == ["/raw/c4d_ooi.fits", "/raw/c4d_oow.fits"]

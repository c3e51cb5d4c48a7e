"""Fixtures that the tests of the core and of the plugins share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data, named by SEECHANGE_TEST_DATA; a test that needs it is skipped without."""
    named = os.environ.get("SEECHANGE_TEST_DATA", "")
    if named and Path(named).is_dir():
        return Path(named).resolve()
    reason = f"no such folder: {named} (SEECHANGE_TEST_DATA)" if named else "SEECHANGE_TEST_DATA is not set"
    if os.environ.get("SEECHANGE_REQUIRE_DATA") == "1":
        pytest.fail(f"{reason}, and SEECHANGE_REQUIRE_DATA=1 asks for it")
    pytest.skip(f"real data needed: {reason}")

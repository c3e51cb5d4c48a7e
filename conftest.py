"""Fixtures that the tests of the core and of the plugins share."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["seechange_core.testing.databases"]

# Set by `make science`: tests against simulated truth then run over all seeds, and what they measure is kept.
QUALITY_FILE = os.environ.get("SEECHANGE_QUALITY_FILE")


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


@pytest.fixture(scope="session", params=range(1, 6) if QUALITY_FILE else [1])
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of a simulated scene: 1, and under `make science` each of 1 to 5."""
    number: int = request.param
    return number


@pytest.fixture(scope="session")
def measured_figures() -> Iterator[list[dict[str, Any]]]:
    """What all tests of the session measured; written with the commit when the last one has ended."""
    figures: list[dict[str, Any]] = []
    yield figures
    if QUALITY_FILE:
        describe = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
        commit = subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()
        Path(QUALITY_FILE).write_text(json.dumps({"commit": commit, "figures": figures}, indent=2) + "\n")


@pytest.fixture
def record_figure(
    request: pytest.FixtureRequest, measured_figures: list[dict[str, Any]]
) -> Callable[[str, float, str], None]:
    """Keep a measured figure: ``record_figure("wcs_rms", 12.3, "mas")``."""

    def record(name: str, value: float, unit: str) -> None:
        measured_figures.append(
            {"name": name, "value": float(value), "unit": unit, "test": request.node.nodeid}
        )

    return record

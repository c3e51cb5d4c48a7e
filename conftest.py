"""Fixtures that the tests of the core and of the plugins share."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seechange_core.builtin.simulated_survey import SurveyFiles

ROOT = Path(__file__).parent

pytest_plugins = ["seechange_core.testing.databases", "seechange_core.testing.plugin"]

# What takes longest comes first (with --no-loadscope-reorder), or one worker is left with it at the end.
LONGEST = (
    "tests/integration/runner/test_shell_examples.py",
    "tests/science/test_cameras.py",
    "tests/science/season/test_season.py",
    "tests/integration/test_new_plugins.py",
    "tests/integration/runner/test_chain.py",
    "tests/science/test_subtraction_yardstick.py",
    "tests/science/test_trails.py",
    "tests/science/test_demo.py",
    "tests/acceptance/test_saao_microlensing.py",
)
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
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once for all processes of a run: ``made_once("survey", fill)`` calls ``fill(folder)``."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder, made = shared / name, shared / f"{name}.made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                folder.mkdir(exist_ok=True)
                fill(folder)
                made.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def survey_files(made_once: Callable[[str, Callable[[Path], object]], Path]) -> SurveyFiles:
    """Raw exposures of the simulated camera, its catalogue and the truth; nobody changes them."""
    # With numpy and scipy, which not every test needs.
    from seechange_core.builtin.simulated_survey import write_survey

    folder = made_once("survey", lambda empty: write_survey(empty, seed=1))
    return write_survey(folder, seed=1)


@pytest.fixture
def record_figure(request: pytest.FixtureRequest) -> Callable[[str, float, str], None]:
    """Keep a measured figure: ``record_figure("wcs_rms", 12.3, "mas")``."""

    def record(name: str, value: float, unit: str) -> None:
        figure = {"name": name, "value": float(value), "unit": unit, "test": request.node.nodeid}
        request.node.user_properties.append(("figure", figure))

    return record


class QualityFile:
    """Gathers what the tests measured, in whichever process they ran, and writes it with the commit at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.figures: list[dict[str, Any]] = []
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome
        if report.when == "call":
            self.figures += [value for key, value in report.user_properties if key == "figure"]

    def pytest_sessionfinish(self) -> None:
        describe = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
        written = {
            "commit": subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip(),
            "tests": Counter(self.outcomes.values()),
            "failed": sorted(test for test, outcome in self.outcomes.items() if outcome == "failed"),
            "figures": sorted(self.figures, key=lambda figure: (figure["test"], figure["name"])),
        }
        self.path.write_text(json.dumps(written, indent=2) + "\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, then other files with slow tests; the order within a file stays."""
    if QUALITY_FILE:
        return
    rank = {ROOT / name: number for number, name in enumerate(LONGEST)}
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (rank.get(item.path, len(rank)), item.path not in slow))


def pytest_configure(config: pytest.Config) -> None:
    if QUALITY_FILE and not hasattr(config, "workerinput"):
        config.pluginmanager.register(QualityFile(Path(QUALITY_FILE).absolute()))

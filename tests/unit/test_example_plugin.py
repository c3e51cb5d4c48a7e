"""The plugins that the documentation shows must work as they stand."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pluggy
import pytest

from seechange_core import hookspecs
from seechange_core.frames import MeasurementTable, Stamps

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
SOURCE = EXAMPLES / "sharpness/seechange_sharpness.py"
CAMERA = EXAMPLES / "seechange-saao"
#: What people can build on who have nothing but the documentation.
PUBLIC = {"api", "frames", "errors", "testing"}


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("seechange_sharpness", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def candidates(width_ratio: list[float], n_bad: list[int]) -> tuple[Stamps, MeasurementTable]:
    n = len(width_ratio)
    columns = {name: np.zeros(n, dtype) for name, (dtype, _, _) in MeasurementTable.COLUMNS.items()}
    pixels = np.zeros((n, 3, 3), np.float32)
    stamps = Stamps(
        x=np.zeros(n),
        y=np.zeros(n),
        corner_x=np.zeros(n, np.int32),
        corner_y=np.zeros(n, np.int32),
        new=pixels,
        ref=pixels,
        difference=pixels,
        mask=np.zeros((n, 3, 3), np.uint16),
    )
    return stamps, MeasurementTable({**columns, "width_ratio": width_ratio, "n_bad": n_bad})


def test_its_hook_is_known_and_offers_the_scorer(plugin: ModuleType) -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    assert manager.hook.register_scorers() == [[plugin.Sharpness]]


def test_it_prefers_the_width_of_the_psf_and_refuses_bad_pixels(plugin: ModuleType) -> None:
    score, details = plugin.Sharpness().score(*candidates([1.0, 1.2, 1.0], [0, 0, 1]))
    np.testing.assert_allclose(score, [1.0, np.exp(-0.5), 0.0], rtol=1e-6)
    assert len(details) == 3


def test_the_camera_needs_nothing_but_public_names() -> None:
    names = [
        node.module
        for file in CAMERA.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("seechange_core")
    ]
    assert len(names) > 5
    assert {name.split(".")[1] for name in names} <= PUBLIC


def test_the_camera_passes_its_own_tests() -> None:
    """As its author runs them, without the configuration of this project."""
    path = os.pathsep.join([str(CAMERA / "src"), *sys.path])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "tests"]
    done = subprocess.run(
        command,
        cwd=CAMERA,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 passed" in done.stdout

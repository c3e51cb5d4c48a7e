"""The camera that the documentation builds must work as it stands."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

CAMERA = Path(__file__).parents[2] / "docs/examples/seechange-saao"
#: What people can build on who have nothing but the documentation.
PUBLIC = {"api", "frames", "errors", "testing"}


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

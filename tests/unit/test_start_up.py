"""Importing the package, its api and any plugin's entry module must load no heavy library."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

HEAVY = {"astropy", "astroquery", "matplotlib", "numba", "onnxruntime", "scipy", "sqlalchemy", "torch"}
CORE = {"seechange_core", "seechange_core.api", "seechange_core.frames", "seechange_core.cli"}
PLUGINS = {entry_point.module for entry_point in entry_points(group="seechange")}


def test_builtin_components_are_installed_as_a_plugin() -> None:
    assert "seechange_core.builtin" in PLUGINS


@pytest.mark.parametrize("module", sorted(CORE | PLUGINS))
def test_import_loads_no_heavy_library(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert "seechange_core" in loaded or module not in CORE
    assert not loaded & HEAVY

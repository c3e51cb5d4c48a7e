"""`seechange new-plugin` writes what it should, under a name that is free, and overwrites nothing."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from seechange_core.cli import cli
from seechange_core.registry import REGISTERING_HOOKS

KINDS = list(REGISTERING_HOOKS)


def new_plugin(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["new-plugin", *arguments])


@pytest.mark.parametrize("kind", KINDS)
def test_package_is_complete_and_has_the_name_everywhere(kind: str, tmp_path: Path) -> None:
    result = new_plugin(kind, "night_sky", "--out", str(tmp_path / "made"))
    assert result.exit_code == 0, result.output
    files = sorted(path for path in (tmp_path / "made").rglob("*") if path.is_file())
    assert [str(path) for path in files] == sorted(result.stdout.split())
    assert {"pyproject.toml", "README.md", "test_night_sky.py"} <= {path.name for path in files}
    for path in files:
        text = path.read_text("utf-8")
        assert "template" not in path.name
        for left in ("myplugin", "MyPlugin", "KIND", "USE", "CORE"):
            assert left not in text
            assert left not in str(path.relative_to(tmp_path))
    project = tomllib.loads((tmp_path / "made/pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "seechange-night-sky"
    assert project["entry-points"]["seechange"] == {"night_sky": "seechange_night_sky"}


def test_generated_code_is_clean(tmp_path: Path) -> None:
    pytest.importorskip("ruff", reason="part of the tools to develop with")
    for kind in KINDS:
        new_plugin(kind, "night", "--out", str(tmp_path / kind))
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--line-length",
        "110",
        "--select",
        "E,F,I,B,UP",
    ]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["Zogy", "2mass", "my-camera", "my camera", "class", "x", "../x", "night_"])
def test_senseless_name_is_refused(name: str, tmp_path: Path) -> None:
    result = new_plugin("scorer", name, "--out", str(tmp_path / "made"))
    assert result.exit_code == 2
    assert "is no name for a plugin" in result.output
    assert not (tmp_path / "made").exists()


def test_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    result = new_plugin("instrument", "simcam", "--out", str(tmp_path / "made"))
    assert result.exit_code == 2
    assert "installed already" in result.output


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    result = new_plugin("scorer", "night", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "is there already" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_help_says_what_each_kind_is_and_what_to_do_next() -> None:
    text = new_plugin("--help").output
    assert all(kind in text for kind in KINDS)
    assert "pip install" in text
    assert "pytest" in text

"""Which exposures files and folders stand for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seechange_core.api import InputError
from seechange_core.runner.exposure_files import collect


class Camera:
    """Its files are called ``<kind>_<number>.raw``."""

    name = "box"

    def recognises(self, path: Path) -> bool:
        return path.suffix == ".raw"

    def files_of(self, path: Path) -> tuple[Path, ...]:
        return (path,)

    def read_header(self, files: Sequence[Path]) -> Any:
        if files[0].stem.startswith("broken"):
            raise InputError("broken")
        return SimpleNamespace(kind=files[0].stem.partition("_")[0])


@pytest.fixture
def night(tmp_path: Path) -> Path:
    (tmp_path / "night/later").mkdir(parents=True)
    for name in ("bias_1.raw", "science_2.raw", "later/science_3.raw", "broken_4.raw", "notes.txt"):
        (tmp_path / "night" / name).touch()
    return tmp_path / "night"


def test_folders_are_searched_for_exposures_of_a_kind_and_what_cannot_be_read(night: Path) -> None:
    exposures, problems = collect(Camera(), [night])
    assert sorted(path.name for (path,) in exposures) == ["broken_4.raw", "science_2.raw", "science_3.raw"]
    assert problems == {}
    exposures, _ = collect(Camera(), [night], "bias")
    assert sorted(path.name for (path,) in exposures) == ["bias_1.raw", "broken_4.raw"]


def test_named_files_are_kept_whatever_they_are(night: Path) -> None:
    exposures, problems = collect(Camera(), [night / "bias_1.raw", night / "bias_1.raw"])
    assert exposures == [(night / "bias_1.raw",)]
    assert problems == {}


def test_what_cannot_be_used_is_told(night: Path) -> None:
    notes, missing, empty = night / "notes.txt", night / "missing.raw", night / "empty"
    empty.mkdir()
    exposures, problems = collect(Camera(), [notes, missing, empty])
    assert exposures == []
    assert "is not recognised as an exposure of box" in problems[notes]
    assert problems[missing] == f"{missing} does not exist"
    assert problems[empty] == f"{empty} holds no science exposure of box"

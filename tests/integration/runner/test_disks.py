"""A disk that is full, or cannot be written: each section says so, and goes on once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seechange_core.errors import StoreError
from seechange_core.store.files import FileStore


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB: less than the products of one section."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a file system can be mounted by root only: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.fixture
def squeezed(survey: Any, small_disk: Path) -> Any:
    """The survey with its new products on the small disk, and those that are there already linked to."""
    for path in survey.root.rglob("*"):
        target = small_disk / path.relative_to(survey.root)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.symlink_to(path)
    return replace(survey, root=small_disk)


def test_full_disk(squeezed: Any, new_exposure: Path, small_disk: Path) -> None:
    reports = squeezed.process([new_exposure], sections=("C1", "C2"))
    assert {report.state for report in reports} == {"failed"}
    for report in reports:
        assert str(small_disk) in report.reason
        assert "the disk is full; free space there and run again" in report.reason
    # What was half written is gone: all that is left belongs to a row.
    assert squeezed.problems() == []
    remount(small_disk, "size=64m")
    reports = squeezed.process([new_exposure], sections=("C1", "C2"))
    assert {report.state for report in reports} == {"done"}


def test_data_folder_that_is_read_only(squeezed: Any, new_exposure: Path, small_disk: Path) -> None:
    remount(small_disk, "ro")
    (report,) = squeezed.process([new_exposure])
    assert (report.state, report.step) == ("failed", "preprocessing")
    assert str(small_disk) in report.reason
    assert "read only; choose a data folder that can be written" in report.reason
    remount(small_disk, "rw,size=64m")
    (report,) = squeezed.process([new_exposure])
    assert report.state == "done"


def test_folder_without_the_right_to_write(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="permission is denied; change the rights of the folder"):
        FileStore(folder).write("simcam/image", b"content")

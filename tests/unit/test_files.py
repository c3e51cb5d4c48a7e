from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seechange_core.errors import StoreError
from seechange_core.store import FileStore, LocalFolderArchive
from seechange_core.store.files import StoredFile
from seechange_core.store.naming import mjd_date

CONTENT = b"pixels" * 2000


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system of its own: ``mounted("size=100k")``; only root can."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    folders: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"mount{len(folders)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            pytest.skip(f"this system does not let tests mount a file system: {answer.stderr.strip()}")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)


def test_name_ends_in_product_id_and_checksum(tmp_path: Path) -> None:
    stored = FileStore(tmp_path).write("simcam/20230225/extraction/A_psf_abc", CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert stored.path == f"simcam/20230225/extraction/A_psf_abc_{digest[:8]}.fits"
    assert (stored.sha256, stored.size) == (digest, len(CONTENT))
    assert (tmp_path / stored.path).read_bytes() == CONTENT


def test_writing_the_same_again_is_harmless(tmp_path: Path) -> None:
    files = FileStore(tmp_path)
    assert files.write("a/b", CONTENT) == files.write("a/b", CONTENT)
    assert len(files_in(tmp_path)) == 1


def test_file_of_wrong_size_is_named(tmp_path: Path) -> None:
    files = FileStore(tmp_path)
    stored = files.write("a/b", CONTENT)
    (tmp_path / stored.path).write_bytes(CONTENT[:-1])
    assert files.problem(stored, checksums=False) == "wrong size"
    with pytest.raises(StoreError, match=rf"{stored.name} has 11999 bytes and should have 12000"):
        files.local_path(stored)


def test_row_columns_lead_back_to_the_file(tmp_path: Path) -> None:
    stored = FileStore(tmp_path, LocalFolderArchive(tmp_path / "archive")).write("a/b", CONTENT)
    columns = stored.columns()
    assert StoredFile.from_columns(columns["path_stem"], columns["components"], columns["archive_state"]) == (
        stored,
    )


def test_archive_gets_a_copy_unless_told_not_to(tmp_path: Path) -> None:
    archive = LocalFolderArchive(tmp_path / "archive")
    files = FileStore(tmp_path / "data", archive)
    assert files.write("a/kept", CONTENT).archived
    assert not files.write("a/local", CONTENT, no_archive=True).archived
    assert [name[:4] for name in files_in(archive.root)] == ["kept"]


def test_missing_file_comes_from_the_archive(tmp_path: Path) -> None:
    files = FileStore(tmp_path / "data", LocalFolderArchive(tmp_path / "archive"))
    stored = files.write("a/b", CONTENT)
    files.remove(stored)
    assert files.problem(stored, checksums=True) == ""
    with pytest.raises(StoreError, match="archive was not asked"):
        files.local_path(stored, download=False)
    assert files.local_path(stored).read_bytes() == CONTENT
    assert files_in(files.root) == [f"b{stored.name}"]


def test_damaged_copy_of_the_archive_is_refused(tmp_path: Path) -> None:
    archive = LocalFolderArchive(tmp_path / "archive")
    files = FileStore(tmp_path / "data", archive)
    stored = files.write("a/b", CONTENT)
    files.remove(stored)
    (archive.root / stored.path).write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(StoreError, match="archive's copy is damaged"):
        files.local_path(stored)
    assert files_in(files.root) == []


def test_file_that_is_nowhere_is_named(tmp_path: Path) -> None:
    files = FileStore(tmp_path / "data", LocalFolderArchive(tmp_path / "archive"))
    stored = files.write("a/b", CONTENT)
    files.remove(stored, from_archive=True)
    with pytest.raises(StoreError, match="missing on this disk and not in the archive"):
        files.local_path(stored)
    with pytest.raises(StoreError, match="no archive is configured"):
        FileStore(tmp_path / "data").local_path(stored)


def test_full_disk_leaves_nothing_and_says_what_to_do(mounted: Callable[[str], Path]) -> None:
    root = mounted("size=40k")
    with pytest.raises(StoreError, match=r"_[0-9a-f]{8}\.fits cannot be written.*disk is full; free space"):
        FileStore(root).write("a/b", bytes(200_000))
    assert files_in(root) == []
    assert FileStore(root).write("a/b", CONTENT).size == len(CONTENT)


def test_full_archive_is_said_to_be_the_archive(mounted: Callable[[str], Path], tmp_path: Path) -> None:
    root = mounted("size=40k")
    with pytest.raises(StoreError, match="cannot be written to the archive"):
        FileStore(tmp_path / "data", LocalFolderArchive(root)).write("a/b", bytes(200_000))
    assert files_in(root) == []


def test_read_only_folder_is_named(mounted: Callable[[str], Path]) -> None:
    root = mounted("ro")
    with pytest.raises(StoreError, match="file system is read only; choose a data folder"):
        FileStore(root).write("a/b", CONTENT)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="permission is denied"):
        FileStore(tmp_path).write("a/b", CONTENT)
    tmp_path.chmod(0o700)


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    script = (
        "import os, sys, signal\n"
        "from pathlib import Path\n"
        "from seechange_core.store import atomic\n"
        "path = Path(sys.argv[1])\n"
        "path.parent.mkdir()\n"
        "atomic.temporary_path(path).write_bytes(b'half')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a" / "b.fits")], check=False)
    assert len(files_in(tmp_path)) == 1
    FileStore(tmp_path).write("a/c", CONTENT)
    assert [name[0] for name in files_in(tmp_path)] == ["c"]


def test_file_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    writing = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = FileStore(tmp_path).write("a/b", CONTENT).path
    host = os.uname().nodename
    busy = (tmp_path / name).with_name(f".d.fits.writing-{host}-{writing.pid}")
    busy.write_bytes(b"half")
    FileStore(tmp_path).write("a/c", CONTENT)
    assert busy.exists()
    writing.communicate(b"\n")
    FileStore(tmp_path).write("a/d", CONTENT)
    assert not busy.exists()


@pytest.mark.parametrize(("mjd", "date"), [(0.0, "18581117"), (60000.999, "20230225"), (60001.0, "20230226")])
def test_date_of_a_time(mjd: float, date: Any) -> None:
    assert mjd_date(mjd) == date

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from seechange_core.store import Store
from seechange_core.store.checking import check_files

CRASH_BEFORE_THE_ROW = """
import os, sys
from pathlib import Path
from seechange_core.store import FileStore
FileStore(Path(sys.argv[1])).write("simcam/20230225/preprocessing/A_image_abc", b"pixels")
os._exit(9)
"""


def problems(store: Store, **options: Any) -> list[tuple[str, str, str]]:
    found = check_files(store.database, store.files, **options)
    return [(one.problem, Path(one.path).name, one.table) for one in found]


def test_sound_store_has_no_problems(full_chain: Any) -> None:
    assert problems(full_chain.store, checksums=True) == []


def test_crash_between_file_and_row_leaves_an_orphan(store: Store) -> None:
    subprocess.run([sys.executable, "-c", CRASH_BEFORE_THE_ROW, str(store.files.root)], check=False)
    ((problem, name, table),) = problems(store)
    assert (problem, name[:11], table) == ("orphan", "A_image_abc", "")


def test_missing_partial_and_changed_files_are_found(full_chain: Any) -> None:
    root = full_chain.store.files.root
    (missing,) = root.rglob("*_detections_*")
    (partial,) = root.rglob("*_stamps_*")
    (changed,) = root.rglob("*_measurements_*")
    missing.unlink()
    partial.write_bytes(partial.read_bytes()[:-1])
    changed.write_bytes(b"?" + changed.read_bytes()[1:])
    expected = [("missing", missing.name, "source_lists"), ("wrong size", partial.name, "cutouts")]
    assert problems(full_chain.store) == expected
    wrong = ("wrong checksum", changed.name, "data_files")
    assert problems(full_chain.store, checksums=True) == [expected[0], wrong, expected[1]]

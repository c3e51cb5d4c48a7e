"""Writing files so that a name never stands for a partial file."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path

from seechange_core.errors import StoreError
from seechange_core.store.liveness import has_died

_MARK = ".writing-"
_ADVICE = {
    errno.ENOSPC: "the disk is full; free space there and run again, finished steps are kept",
    errno.EDQUOT: "the quota is used up; free space there and run again, finished steps are kept",
    errno.EROFS: "the file system is read only; choose a data folder that can be written",
    errno.EACCES: "permission is denied; change the rights of the folder or choose another data folder",
    errno.EPERM: "permission is denied; change the rights of the folder or choose another data folder",
}


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name of this process, sync it, and rename it.

    Raises
    ------
    StoreError
        If the disk is full, read only, or refuses otherwise; nothing partial is left.
    """
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        synced(temporary).replace(path)
        _sync(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise refused(path, error) from error


def temporary_path(path: Path) -> Path:
    """Return a name in the same folder that tells which process of which host is writing."""
    return path.with_name(f".{path.name}{_MARK}{socket.gethostname()}-{os.getpid()}")


def synced(path: Path) -> Path:
    """Have the content of a file written to the disk, and return its path."""
    _sync(path)
    return path


def refused(path: Path, error: OSError) -> StoreError:
    """Return the error that says which file could not be written, why, and what to do."""
    advice = _ADVICE.get(error.errno or 0, "check the data folder")
    return StoreError(f"{path} cannot be written ({error.strerror}): {advice}")


def abandoned(paths: Iterable[Path]) -> list[Path]:
    """Return those of some paths that dead processes left half written."""
    return [path for path in paths if is_temporary(path) and _is_abandoned(path)]


def is_temporary(path: Path) -> bool:
    """Tell whether a name is one of `temporary_path`."""
    return path.name.startswith(".") and _MARK in path.name


def _is_abandoned(path: Path) -> bool:
    host, _, process = path.name.partition(_MARK)[2].rpartition("-")
    try:
        age_s = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return False
    return process.isdecimal() and has_died(host, int(process), age_s)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

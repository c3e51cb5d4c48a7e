"""Locks between processes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seechange_core.store.atomic import refused


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that the system frees when this process ends, however it ends; the file is made.

    Raises
    ------
    StoreError
        If the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise refused(path, error) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""Writing of files that the user names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seechange_core.errors import StoreError


def write_output(path: Path, write: Callable[[], object]) -> None:
    """Write a file that was asked for.

    Raises
    ------
    StoreError
        If it cannot be written, with what to do.
    """
    try:
        write()
    except (OSError, ValueError) as error:
        raise unwritten(path, error) from error


def unwritten(path: Path, error: OSError | ValueError) -> StoreError:
    """Return the error that says which file could not be written, why, and what to do."""
    reason, advice = str(error), ""
    if isinstance(error, OSError):
        reason, advice = error.strerror or reason, "; name another folder, or make room"
    if isinstance(error, FileNotFoundError) and not path.parent.exists():
        advice = f"; make the folder {path.parent} first, or name another"
    elif isinstance(error, FileExistsError):
        advice = "; name another, or remove it first"
    elif isinstance(error, PermissionError):
        advice = f"; name another folder, or change the rights of {path.parent}"
    return StoreError(f"{path} cannot be written: {reason}{advice}")

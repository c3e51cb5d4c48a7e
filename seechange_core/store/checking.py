"""Whether files and rows agree."""

from __future__ import annotations

from dataclasses import dataclass

from seechange_core.store import atomic
from seechange_core.store.database import Database
from seechange_core.store.files import FileStore
from seechange_core.store.rows_with_files import all_files


@dataclass(frozen=True)
class FileProblem:
    """A file that is not as it should be.

    Parameters
    ----------
    problem : str
        ``missing``, ``wrong size`` or ``wrong checksum`` of a file that a row refers to; ``orphan`` of one that no row
        refers to, left by a crash between file and row; ``half written`` of what a dead process left. The last two are
        safe to remove while nothing runs.
    path : str
        Of the file.
    table : str
        Name of the table; empty for files without a row.
    """

    problem: str
    path: str
    table: str


def check_files(database: Database, files: FileStore, *, checksums: bool = False) -> list[FileProblem]:
    """Compare every file that a row refers to with the disk, and look for files without a row.

    Parameters
    ----------
    checksums : bool
        Read every file, and compare more than its size.
    """
    # Files first: the row of one that is written meanwhile comes later, and it must not look like an orphan.
    present = files.present()
    with database.read() as session:
        referred = list(all_files(session))
    known = {files.root / stored.path for _, stored in referred}
    half_written = set(atomic.abandoned(present))
    found = {
        (files.problem(stored, checksums=checksums), str(files.root / stored.path), table)
        for table, stored in referred
    }
    found |= {("half written", str(path), "") for path in half_written}
    found |= {
        ("orphan", str(path), "") for path in present if path not in known and not atomic.is_temporary(path)
    }
    return [FileProblem(*problem) for problem in sorted(found) if problem[0]]

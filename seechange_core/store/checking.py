"""Comparing rows with files."""

from __future__ import annotations

from dataclasses import dataclass

from seechange_core.store.database import Database
from seechange_core.store.files import FileStore, StoredFile
from seechange_core.store.rows_with_files import all_files


@dataclass(frozen=True)
class FileProblem:
    """A file that does not fit the rows.

    Parameters
    ----------
    problem : str
        ``"missing"``, ``"wrong size"``, ``"wrong checksum"``, or ``"orphan"`` for a file without a row.
    path : str
        Of the file.
    table : str
        Where its row is; empty for an orphan.
    """

    problem: str
    path: str
    table: str = ""


def check_files(database: Database, files: FileStore, *, checksums: bool = False) -> list[FileProblem]:
    """Find files that are missing, damaged or without a row.

    Parameters
    ----------
    database, files
        What is compared.
    checksums : bool
        Read every file and compare its SHA-256; otherwise sizes only.

    Returns
    -------
    list of FileProblem
        Those of rows first. A file that the archive has need not be here.
    """
    problems = []
    known = set()
    with database.read() as session:
        for table, stored in all_files(session):
            known.add(stored.path)
            problem = _problem(files, stored, checksums)
            if problem:
                problems.append(FileProblem(problem, str(files.root / stored.path), table))
    return problems + [FileProblem("orphan", str(path)) for path in files.orphans(known)]


def _problem(files: FileStore, stored: StoredFile, checksums: bool) -> str:
    path = files.root / stored.path
    if not path.exists():
        archived = stored.archived and files.archive is not None and files.archive.exists(stored.path)
        return "" if archived else "missing"
    if checksums:
        return files.verify(stored)
    return "" if path.stat().st_size == stored.size else "wrong size"

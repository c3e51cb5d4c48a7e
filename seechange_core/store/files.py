"""Files of products: written once, found by checksum, filled again from the archive."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seechange_core.errors import StoreError
from seechange_core.store import atomic
from seechange_core.store.archive import Archive

_CHUNK_BYTES = 1 << 20
_NAME_DIGITS = 8


@dataclass(frozen=True)
class StoredFile:
    """A file under the data folder.

    Parameters
    ----------
    path_stem : str
        Its path relative to the root as far as it is readable: folders, what it is, product id.
    name : str
        The rest: first digits of the SHA-256 and suffix.
    sha256 : str
        Of the content.
    size : int
        Bytes.
    archived : bool
        Whether the archive holds it.
    """

    path_stem: str
    name: str
    sha256: str
    size: int
    archived: bool = False

    @property
    def path(self) -> str:
        """Path relative to the root."""
        return self.path_stem + self.name

    def columns(self) -> dict[str, Any]:
        """Return the values of `models.files.FilesMixin` for a row that has this file alone."""
        return {
            "path_stem": self.path_stem,
            "components": [{"name": self.name, "sha256": self.sha256, "size": self.size}],
            "archive_state": "archived" if self.archived else "none",
        }

    @classmethod
    def from_columns(
        cls, path_stem: str, components: Iterable[Mapping[str, Any]], archive_state: str
    ) -> tuple[StoredFile, ...]:
        """Return the files of a row."""
        archived = archive_state == "archived"
        return tuple(
            cls(path_stem, part["name"], part["sha256"], part["size"], archived) for part in components
        )


class FileStore:
    """A folder of products, which can be moved as a whole, and the archive behind it.

    Parameters
    ----------
    root : Path
        The data folder; made when the first file is written.
    archive : Archive, optional
        Where files are copied to, and fetched from when they are missing here.
    """

    def __init__(self, root: Path, archive: Archive | None = None) -> None:
        self.root = Path(root).expanduser().absolute()
        self.archive = archive
        self._tidied: set[Path] = set()

    def write(
        self, path_stem: str, content: bytes, suffix: str = ".fits", *, no_archive: bool = False
    ) -> StoredFile:
        """Write a file, complete or not at all; only after this may its row be committed.

        The name follows from the content, so a second writer of the same content changes nothing.

        Parameters
        ----------
        path_stem : str
            Relative to the root, forward slashes; ends in the product id.
        content : bytes
            Of the whole file.
        no_archive : bool
            Keep it on this disk only.

        Raises
        ------
        StoreError
            If the disk or the archive is full, read only, or refuses otherwise; nothing partial is left.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        archived = self.archive is not None and not no_archive
        stored = StoredFile(path_stem, f"_{sha256[:_NAME_DIGITS]}{suffix}", sha256, len(content), archived)
        path = self.root / stored.path
        self._tidy(path.parent)
        if _size(path) != stored.size:
            atomic.write_atomically(path, content)
        if self.archive is not None and archived:
            self.archive.put(path, stored.path)
        return stored

    def local_path(self, stored: StoredFile, *, download: bool = True) -> Path:
        """Return where a file is on the local disk, fetched from the archive if need be.

        Parameters
        ----------
        stored : StoredFile
            From `write` or a row.
        download : bool
            False: look on the local disk only.

        Raises
        ------
        StoreError
            If it is nowhere, or does not have the size or, on arrival from the archive, the checksum of its row.
        """
        path = self.root / stored.path
        size = _size(path)
        if size is None:
            self._fetch(stored, path, download)
        elif size != stored.size:
            raise StoreError(
                f"{path} has {size} bytes and should have {stored.size}: it was changed or damaged; "
                "remove it to have it fetched from the archive, or delete the product and process again"
            )
        return path

    def problem(self, stored: StoredFile, *, checksums: bool) -> str:
        """Say what is wrong with a file: ``missing``, ``wrong size`` or, if asked to read it, ``wrong checksum``.

        A file that only the archive has is as it should be.
        """
        path = self.root / stored.path
        size = _size(path)
        if size is None:
            kept = stored.archived and self.archive is not None and self.archive.exists(stored.path)
            return "" if kept else "missing"
        if size != stored.size:
            return "wrong size"
        return "wrong checksum" if checksums and file_sha256(path) != stored.sha256 else ""

    def remove(self, stored: StoredFile, *, from_archive: bool = False) -> None:
        """Remove a file from the local disk, and from the archive if asked to; one that is gone is no error."""
        path = self.root / stored.path
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be removed ({error.strerror}); check the rights of its folder"
            ) from error
        if from_archive and self.archive is not None:
            self.archive.delete(stored.path)

    def present(self) -> list[Path]:
        """Return all files of products in the data folder, those included that are being written."""
        return (
            sorted(path for path in self.root.rglob("*.fits*") if path.is_file())
            if self.root.is_dir()
            else []
        )

    def _tidy(self, folder: Path) -> None:
        """Remove what dead processes left half written in a folder, the first time that this one writes there."""
        if folder not in self._tidied and folder.is_dir():
            for path in atomic.abandoned(folder.iterdir()):
                path.unlink(missing_ok=True)
            self._tidied.add(folder)

    def _fetch(self, stored: StoredFile, path: Path, download: bool) -> None:
        if self.archive is None or not download or not self.archive.exists(stored.path):
            where = "and no archive is configured" if self.archive is None else "and not in the archive"
            if self.archive is not None and not download:
                where = "and the archive was not asked"
            raise StoreError(
                f"{path} is missing on this disk {where}; restore it, or delete the product and process again"
            )
        temporary = atomic.temporary_path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.archive.get(stored.path, temporary)
            arrived = file_sha256(temporary)
            if arrived != stored.sha256:
                raise StoreError(
                    f"{stored.path} came from the archive with SHA-256 {arrived[:12]}..., not {stored.sha256[:12]}...: "
                    "the archive's copy is damaged; delete the product and process again"
                )
            atomic.synced(temporary).replace(path)
        except OSError as error:
            raise atomic.refused(path, error) from error
        finally:
            temporary.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None

"""Archives: second homes of files, from which a local disk can be filled again."""

from __future__ import annotations

import abc
import shutil
from pathlib import Path

from seechange_core.errors import StoreError
from seechange_core.store.atomic import synced, temporary_path


class Archive(abc.ABC):
    """A place that keeps files under the paths that they have relative to the data folder."""

    @abc.abstractmethod
    def put(self, path: Path, relative: str) -> None:
        """Copy a local file into the archive; one that is there already under this name is replaced.

        Raises
        ------
        StoreError
            If it cannot be written.
        """

    @abc.abstractmethod
    def get(self, relative: str, path: Path) -> None:
        """Copy a file of the archive to a local path.

        Raises
        ------
        StoreError
            If the archive does not have it.
        """

    @abc.abstractmethod
    def exists(self, relative: str) -> bool:
        """Tell whether the archive has a file."""

    @abc.abstractmethod
    def delete(self, relative: str) -> None:
        """Remove a file; one that is not there is no error."""


class LocalFolderArchive(Archive):
    """An archive that is a second folder, on another disk as a rule.

    Parameters
    ----------
    root : Path
        Made when the first file arrives.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: Path, relative: str) -> None:
        """Copy a local file into the folder, complete or not at all."""
        target = self.root / relative
        temporary = temporary_path(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, temporary)
            synced(temporary).replace(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            message = f"{target}: cannot be written to the archive ({error.strerror}); free space or check rights there"
            raise StoreError(message) from error

    def get(self, relative: str, path: Path) -> None:
        """Copy a file of the folder to a local path."""
        try:
            shutil.copyfile(self.root / relative, path)
        except OSError as error:
            raise StoreError(
                f"{self.root / relative}: cannot be copied from the archive ({error.strerror})"
            ) from error

    def exists(self, relative: str) -> bool:
        """Tell whether the folder has a file."""
        return (self.root / relative).is_file()

    def delete(self, relative: str) -> None:
        """Remove a file; one that is not there is no error."""
        (self.root / relative).unlink(missing_ok=True)

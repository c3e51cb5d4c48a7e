"""Products in files and database: how they are found, loaded and saved."""

from __future__ import annotations

from pathlib import Path

from seechange_core.store.archive import Archive, LocalFolderArchive
from seechange_core.store.database import Database
from seechange_core.store.files import FileStore
from seechange_core.store.products import ProductStore
from seechange_core.store.sensor_sections import SensorSections

__all__ = ["Archive", "Database", "FileStore", "LocalFolderArchive", "ProductStore", "Store"]


class Store:
    """Database, files and archive of one survey; a spawned worker can be given one.

    Parameters
    ----------
    database : Database
        Holds the rows.
    files : FileStore
        Holds the files.
    """

    def __init__(self, database: Database, files: FileStore) -> None:
        self.database = database
        self.files = files
        self.products = ProductStore(database, files)
        self.sensor_sections = SensorSections(database)

    @classmethod
    def open(cls, url: str, root: Path, *, archive: Path | None = None, password: str | None = None) -> Store:
        """Open a survey by its addresses.

        Parameters
        ----------
        url : str
            Of the database, see `Database`.
        root : Path
            The data folder.
        archive : Path, optional
            Folder of the archive.
        password : str, optional
            Of the database, if the address does not hold it.
        """
        backing = None if archive is None else LocalFolderArchive(archive)
        return cls(Database(url, password), FileStore(root, backing))

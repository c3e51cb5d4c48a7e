"""Products in files and database: how they are found, loaded and saved."""

from __future__ import annotations

from seechange_core.store.archive import Archive, LocalFolderArchive
from seechange_core.store.data_store import DataStore
from seechange_core.store.database import Database
from seechange_core.store.files import FileStore
from seechange_core.store.products import ProductStore
from seechange_core.store.store import Store

__all__ = ["Archive", "DataStore", "Database", "FileStore", "LocalFolderArchive", "ProductStore", "Store"]

"""A star catalogue in local files."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from seechange_core.api import CatalogRegion, InputError, Params, StarCatalog, parameter
from seechange_core.frames import StarTable

SUFFIXES = (".fits", ".fit", ".fits.gz", ".ecsv", ".parquet")


class FileCatalogParams(Params):
    """Where the files are and what their columns are called."""

    path: str = parameter(
        description="A FITS, ECSV or Parquet table, or a folder of such; its content decides, not its place",
        critical=False,
        min_length=1,
    )
    columns: dict[str, str] = parameter(
        {},
        description="Standard name (id, ra, dec, ra_error, pmra, mag_G, mag_r ...) to the file's where they"
        " differ; the names of Gaia's archive are known",
    )


class FileCatalog(StarCatalog):
    """Stars from a file or a folder of files."""

    name: ClassVar[str] = "file"
    version: ClassVar[str] = "1.2"
    Params: ClassVar[type[Params]] = FileCatalogParams

    def files(self) -> tuple[Path, ...]:
        """Return the files in the order of their names.

        Raises
        ------
        InputError
            If there is none.
        """
        path = Path(self.params.path).expanduser()
        if path.is_dir():
            found = tuple(sorted(file for file in path.rglob("*") if file.name.lower().endswith(SUFFIXES)))
            if found:
                return found
            raise InputError(f"star catalogue: {path} holds no file that ends in {', '.join(SUFFIXES)}")
        if path.is_file():
            return (path,)
        raise InputError(f"star catalogue: there is no file or folder {path} (catalog.file.path)")

    def fingerprint(self) -> str | None:
        """Return the hash of the files' content."""
        digest = hashlib.sha256()
        for file in self.files():
            state = file.stat()
            digest.update(_content_hash(str(file), state.st_mtime_ns, state.st_size).encode())
        return digest.hexdigest()

    def fetch(self, region: CatalogRegion) -> StarTable:
        """Read the stars of a region."""
        from seechange_core.builtin.star_files import read_stars

        return read_stars(self.files(), dict(self.params.columns), region)


@lru_cache(maxsize=4096)
def _content_hash(path: str, mtime_ns: int, size: int) -> str:
    """Hash a file; time and size are there to notice that it changed."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

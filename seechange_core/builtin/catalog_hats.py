"""A star catalogue in a local Parquet folder of the HATS layout."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

from seechange_core.api import CatalogRegion, InputError, Params, StarCatalog, parameter
from seechange_core.frames import StarTable

#: Names of the file that describes a catalogue, the newer first.
PROPERTIES = ("hats.properties", "properties")
PARTITIONS = "partition_info.csv"


class HatsParams(Params):
    """Where the folder is and what its columns are called."""

    path: str = parameter(
        description="Folder that holds hats.properties; the catalogue decides, not its place",
        critical=False,
        min_length=1,
    )
    columns: dict[str, str] = parameter(
        {},
        description="Standard name (id, ra, dec, ra_error, pmra, mag_G, mag_r ...) to the catalogue's where they"
        " differ; the names of Gaia's archive are known",
    )
    main_band: str = parameter(
        "G", description="Band that the faint limit is for, where the catalogue has it", min_length=1
    )
    epoch_year: float | None = parameter(
        None,
        description="Epoch of the positions (Julian year), where the catalogue has no column ref_epoch",
        unit="yr",
        ge=1800,
        le=2200,
    )


class HatsCatalog(StarCatalog):
    """Stars from HEALPix partitions of which only those are read that a region touches.

    The layout is that of the IVOA note "HATS: A standard for the Hierarchical Adaptive Tiling Scheme".
    """

    name: ClassVar[str] = "hats"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = HatsParams

    def fingerprint(self) -> str | None:
        """Return the hash of the files that describe the catalogue and list its partitions.

        Its pixels are too many to be hashed: who changes a catalogue in place has to renew these, as tools for HATS do.
        """
        folder = self._folder()
        digest = hashlib.sha256(self._properties(folder).read_bytes())
        if (folder / PARTITIONS).is_file():
            digest.update((folder / PARTITIONS).read_bytes())
        return digest.hexdigest()

    def fetch(self, region: CatalogRegion) -> StarTable:
        """Read the stars of a region.

        Raises
        ------
        InputError
            If the folder is no such catalogue, lacks a column, or cannot be read.
        """
        from seechange_core.builtin.hats_files import read_region

        folder = self._folder()
        return read_region(
            folder,
            self._properties(folder),
            region,
            names=dict(self.params.columns),
            main_band=self.params.main_band,
            epoch_year=self.params.epoch_year,
        )

    def _folder(self) -> Path:
        return Path(self.params.path).expanduser()

    @staticmethod
    def _properties(folder: Path) -> Path:
        for name in PROPERTIES:
            if (folder / name).is_file():
                return folder / name
        raise InputError(
            f"star catalogue: {folder} has no {PROPERTIES[0]}, so it is no catalogue of the HATS layout"
            " (catalog.hats.path)"
        )

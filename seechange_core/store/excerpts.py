"""Excerpts of star catalogues: fetched once, shared between processes."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from seechange_core.api import CatalogRegion, StarCatalog
from seechange_core.errors import StoreError
from seechange_core.frames import StarTable
from seechange_core.models import CatalogExcerpt, row_id
from seechange_core.store.database import Database
from seechange_core.store.files import FileStore, StoredFile
from seechange_core.store.formats.tables import read_table, table_bytes
from seechange_core.store.inserting import insert_or_find
from seechange_core.store.locking import locked
from seechange_core.store.rows.sky import position_columns

_FOLDER = "excerpts"

logger = logging.getLogger(__name__)


class Excerpts:
    """The parts of star catalogues that were needed so far.

    Parameters
    ----------
    database : Database
        Holds the rows.
    files : FileStore
        Holds the tables.
    """

    def __init__(self, database: Database, files: FileStore) -> None:
        self._database = database
        self._files = files
        self._last: tuple[str, StarTable] | None = None

    def get(self, catalog: StarCatalog, region: CatalogRegion) -> StarTable:
        """Return the stars of a region at the catalogue's epoch, from the data folder or else from the catalogue.

        An excerpt that covers the region and the limit serves it too.

        Of several processes that want the same excerpt one fetches it while the others wait; one that dies holds up
        nobody. One whose file is lost, here and in the archive, is fetched again.

        Raises
        ------
        InputError
            If the catalogue cannot be reached or read.
        StoreError
            If the excerpt cannot be saved, or its file is damaged.
        """
        identity = catalog.excerpt_id(region)
        stars = self.load(identity)
        if stars is not None:
            return stars
        with locked(self._files.root / _FOLDER / "locks" / f"{identity}.lock"):
            stored = self._find(identity) or self._fetch(identity, catalog, region)
        return self._read(identity, stored)

    def load(self, identity: str) -> StarTable | None:
        """Return the stars of an excerpt, at the catalogue's epoch; None if there is no such excerpt."""
        # Several steps ask for the same stars one after the other.
        if self._last is not None and self._last[0] == identity:
            return self._last[1]
        stored = self._find(identity)
        return None if stored is None else self._read(identity, stored)

    def _read(self, identity: str, stored: StoredFile) -> StarTable:
        stars = read_table(self._files.local_path(stored), StarTable)
        self._last = identity, stars
        return stars

    def _find(self, identity: str) -> StoredFile | None:
        with self._database.read() as session:
            row = session.get(CatalogExcerpt, row_id(identity))
        if row is None:
            return None
        (stored,) = StoredFile.from_columns(row.path_stem, row.components, row.archive_state)
        return None if self._files.problem(stored, checksums=False) == "missing" else stored

    def _fetch(self, identity: str, catalog: StarCatalog, region: CatalogRegion) -> StoredFile:
        stars = self._from_larger(catalog, region)
        if stars is None:
            stars = catalog.fetch(region)
        stored = self._files.write(f"{_FOLDER}/{catalog.name}/{identity}", table_bytes(stars))

        def work(session: Session) -> None:
            row = CatalogExcerpt(
                id=row_id(identity),
                identity=identity,
                catalog=catalog.name,
                radius_deg=region.radius_deg,
                magnitude_limit=region.magnitude_limit,
                n_stars=stars.n_rows,
                description={
                    **_description(catalog),
                    "region": asdict(region),
                    "epoch_mjd": stars.meta.get("epoch_mjd"),
                },
                **position_columns(region.ra_deg, region.dec_deg),
                **stored.columns(),
            )
            known, written = insert_or_find(session, row)
            if not written:
                known.n_stars = stars.n_rows
                for name, value in stored.columns().items():
                    setattr(known, name, value)

        self._database.transact(work)
        return stored

    def _from_larger(self, catalog: StarCatalog, region: CatalogRegion) -> StarTable | None:
        """Cut a region out of a larger excerpt of the same catalogue; None if there is none."""
        wanted = (
            select(CatalogExcerpt)
            .where(CatalogExcerpt.catalog == catalog.name)
            .where(CatalogExcerpt.magnitude_limit >= region.magnitude_limit)
            .where(
                func.abs(CatalogExcerpt.dec - region.dec_deg) + region.radius_deg <= CatalogExcerpt.radius_deg
            )
            .order_by(CatalogExcerpt.n_stars, CatalogExcerpt.id)
        )
        with self._database.read() as session:
            rows = session.scalars(wanted).all()
        same = _description(catalog)
        for row in rows:
            held = CatalogRegion(**row.description["region"])
            if held.covers(region) and all(row.description[name] == value for name, value in same.items()):
                stored = StoredFile.from_columns(row.path_stem, row.components, row.archive_state)[0]
                try:
                    return region.stars_of(read_table(self._files.local_path(stored), StarTable))
                except StoreError as error:
                    logger.warning("an excerpt that would serve cannot be read: %s", error)
        return None


def _description(catalog: StarCatalog) -> dict[str, Any]:
    """Return what decides the stars besides the region: JSON values."""
    return {
        "version": catalog.version,
        "parameters": catalog.params.critical(),
        "fingerprint": catalog.fingerprint(),
    }

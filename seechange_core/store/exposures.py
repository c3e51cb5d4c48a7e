"""Exposures: registered by the content of their files, found, and made from memory."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, select, update
from sqlalchemy.orm import Session

from seechange_core.api import ExposureHeader
from seechange_core.errors import StoreError
from seechange_core.frames import Pixels
from seechange_core.models import Exposure, row_id
from seechange_core.provenance import exposure_identity
from seechange_core.store.database import Database
from seechange_core.store.files import FileStore, StoredFile, file_sha256
from seechange_core.store.formats.raw import raw_bytes
from seechange_core.store.inserting import insert_or_find
from seechange_core.store.json_values import json_values
from seechange_core.store.naming import mjd_date
from seechange_core.store.row_ids import found_row
from seechange_core.store.rows.sky import position_columns


class Exposures:
    """The exposures of a survey; raw files stay where they are.

    Parameters
    ----------
    database : Database
        Holds the rows.
    files : FileStore
        Holds exposures that were made from memory.
    """

    def __init__(self, database: Database, files: FileStore) -> None:
        self._database = database
        self._files = files

    def register(
        self,
        instrument: str,
        header: ExposureHeader,
        paths: Sequence[Path],
        *,
        sha256: Sequence[str] | None = None,
    ) -> Exposure:
        """Return the row of an exposure, written if it is new; where the files have moved, the row follows.

        Parameters
        ----------
        instrument : str
            Name of the camera.
        header : ExposureHeader
            From `Instrument.read_header`.
        paths : sequence of Path
            All files of the exposure.
        sha256 : sequence of str, optional
            Of the files, where they are known; otherwise the files are read.

        Raises
        ------
        StoreError
            If a file cannot be read.
        """
        absolute = [path.expanduser().absolute() for path in paths]
        sums = list(sha256) if sha256 is not None else [file_sha256(path) for path in absolute]
        folder = os.path.commonpath([path.parent for path in absolute])
        stem = folder if folder.endswith("/") else f"{folder}/"
        components = [
            {"name": os.path.relpath(path, folder), "sha256": one, "size": path.stat().st_size}
            for path, one in zip(absolute, sums, strict=True)
        ]
        return self._register(instrument, header, {"path_stem": stem, "components": components}, sums)

    def save(
        self,
        instrument: str,
        header: ExposureHeader,
        sections: Mapping[str, tuple[Pixels, Mapping[str, Any]]],
        *,
        no_archive: bool = False,
    ) -> Exposure:
        """Write an exposure that is in memory to the data folder and register it.

        Parameters
        ----------
        instrument : str
            Name of the camera that can read what `formats.raw` writes: one extension a section, named after it.
        header : ExposureHeader
            Its cards (``header.header``) become the primary header.
        sections : mapping of str to (array of shape (ny, nx), cards)
            Pixels in the units of a raw file and header cards, by section.
        no_archive : bool
            Keep it on this disk only.
        """
        content = raw_bytes(header.header, sections)
        stem = f"{instrument}/{mjd_date(header.mjd)}/exposure/{instrument}_{header.kind}"
        stored = self._files.write(stem, content, no_archive=no_archive)
        return self._register(instrument, header, stored.columns(), [stored.sha256])

    def get(self, exposure_id: UUID) -> Exposure:
        """Return the row of an exposure.

        Raises
        ------
        StoreError
            If there is none.
        """
        with self._database.read() as session:
            exposure = session.get(Exposure, exposure_id)
        if exposure is None:
            raise StoreError(f"there is no exposure {exposure_id}; `seechange show exposures` lists them")
        return exposure

    def chosen(self, name: str) -> Exposure:
        """Return the one exposure of an id, of which the first digits are enough, or with a file of this name.

        Raises
        ------
        StoreError
            If there is none, or more than one.
        """
        found = self.named(None, name)
        if not found and re.fullmatch(r"[0-9a-f-]{4,36}", name.lower()):
            return self.get(found_row(self._database, name, Exposure))
        if len(found) != 1:
            count = "no exposure has" if not found else f"{len(found)} exposures have"
            raise StoreError(f"{count} a file called {name!r}; `seechange show exposures` lists them by id")
        return found[0]

    def instruments(self) -> list[str]:
        """Return the names of the cameras that there are exposures of."""
        with self._database.read() as session:
            return list(session.scalars(select(Exposure.instrument).distinct().order_by(Exposure.instrument)))

    def named(self, instrument: str | None, file_name: str) -> list[Exposure]:
        """Return the exposures of a camera, or of all, that have a file of this name in whatever folder, by time."""
        wanted = (
            select(Exposure)
            .where(cast(Exposure.components, Text).contains(file_name))
            .order_by(Exposure.mjd, Exposure.id)
        )
        if instrument is not None:
            wanted = wanted.where(Exposure.instrument == instrument)
        with self._database.read() as session:
            rows = session.scalars(wanted).all()
        return [row for row in rows if any(Path(one["name"]).name == file_name for one in row.components)]

    def paths(self, exposure: Exposure, *, download: bool = True) -> tuple[Path, ...]:
        """Return where the files of an exposure are, fetched from the archive if need be.

        Raises
        ------
        StoreError
            If one is missing or does not have the size that it had.
        """
        stored = StoredFile.from_columns(exposure.path_stem, exposure.components, exposure.archive_state)
        return tuple(self._files.local_path(one, download=download) for one in stored)

    def set_state(self, exposure_id: UUID, state: str) -> None:
        """Say how processing an exposure ended; see `models.Exposure`."""
        changed = update(Exposure).where(Exposure.id == exposure_id).values(state=state)
        self._database.transact(lambda session: session.execute(changed))

    def _register(
        self, instrument: str, header: ExposureHeader, files: dict[str, Any], sums: Sequence[str]
    ) -> Exposure:
        identity = exposure_identity(instrument, sums)

        def work(session: Session) -> Exposure:
            row = Exposure(
                id=row_id(identity),
                identity=identity,
                instrument=instrument,
                kind=header.kind,
                mjd=header.mjd,
                exposure_s=header.exposure_s,
                filter=header.filter or None,
                section_filters=dict(header.section_filters),
                sections=list(header.sections),
                project=header.project,
                target=header.target,
                processing=header.processing,
                info=json_values(header.info),
                corners=None,
                radius_deg=None,
                **_pointing(header),
                **files,
            )
            found, written = insert_or_find(session, row)
            if not written and found.path_stem != files["path_stem"] and not self._present(found):
                found.path_stem, found.components = files["path_stem"], files["components"]
                session.flush()
            return found

        return self._database.transact(work)

    def _present(self, exposure: Exposure) -> bool:
        return all((self._files.root / path).exists() for path in exposure.paths())


def _pointing(header: ExposureHeader) -> dict[str, Any]:
    if header.ra_deg is None or header.dec_deg is None:
        return {"ra": None, "dec": None, "sky_index": None}
    return position_columns(header.ra_deg, header.dec_deg)

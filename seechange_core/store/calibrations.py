"""Calibration files: registered with the time in which they are valid, and found for an exposure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from seechange_core.errors import StoreError
from seechange_core.frames import Calibration
from seechange_core.models import CalibratorFile, row_id
from seechange_core.store.database import Database
from seechange_core.store.files import FileStore, StoredFile
from seechange_core.store.formats.calibration import calibration_bytes, read_calibration
from seechange_core.store.inserting import insert_if_missing
from seechange_core.store.json_values import json_values


class Calibrations:
    """The calibration files of all cameras.

    Parameters
    ----------
    database : Database
        Holds the rows.
    files : FileStore
        Holds the images.
    """

    def __init__(self, database: Database, files: FileStore) -> None:
        self._database = database
        self._files = files
        self._found: dict[str, StoredFile] = {}

    def register(
        self,
        frame: Calibration,
        *,
        instrument: str,
        section: str,
        filter: str | None = None,
        valid_from_mjd: float | None = None,
        valid_to_mjd: float | None = None,
        mjd: float | None = None,
        metrics: Mapping[str, Any] | None = None,
        no_archive: bool = False,
    ) -> str:
        """Save a calibration image or table and return its identity, ``frame.product_id``.

        Parameters
        ----------
        filter : str, optional
            None for kinds that do not depend on it.
        valid_from_mjd, valid_to_mjd : float, optional
            When it may be used: from, inclusive, to, exclusive. None for no limit.
        mjd : float, optional
            Middle of the exposures that it was made from.
        metrics : mapping, optional
            Its quality: JSON values.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        stem = f"{instrument}/calibration/{frame.kind}/{section}_{frame.kind}_{frame.product_id}"
        stored = self._files.write(stem, calibration_bytes(frame), no_archive=no_archive)

        def work(session: Session) -> None:
            row = CalibratorFile(
                id=row_id(frame.product_id),
                identity=frame.product_id,
                kind=frame.kind,
                instrument=instrument,
                section=section,
                filter=filter,
                valid_from_mjd=valid_from_mjd,
                valid_to_mjd=valid_to_mjd,
                mjd=mjd,
                metrics=json_values(metrics or {}),
                **stored.columns(),
            )
            insert_if_missing(session, row)

        self._database.transact(work)
        return frame.product_id

    def find(self, *, kind: str, instrument: str, section: str, filter: str, mjd: float) -> str | None:
        """Return the identity of the file to use at a time: of those that are valid the one nearest in time.

        What counts is when its exposures were taken, or for a file from elsewhere when its validity began; files
        without either come last; of those that are equal otherwise the one that was made last is taken.
        What is flagged as bad is not used.
        """
        table = CalibratorFile
        wanted = (
            select(table.identity, table.path_stem, table.components, table.archive_state)
            .where(
                table.kind == kind,
                table.instrument == instrument,
                table.section == section,
                table.retired.is_(False),
                table.badness == 0,
                table.upstream_badness == 0,
                or_(table.filter.is_(None), table.filter == filter),
                or_(table.valid_from_mjd.is_(None), table.valid_from_mjd <= mjd),
                or_(table.valid_to_mjd.is_(None), table.valid_to_mjd > mjd),
            )
            .order_by(
                func.coalesce(func.abs(mjd - table.mjd), mjd - table.valid_from_mjd, float(2**53)),
                table.created_at.desc(),
                table.identity,
            )
            .limit(1)
        )
        with self._database.read() as session:
            found = session.execute(wanted).first()
        if found is None:
            return None
        identity, *files = found
        (self._found[identity],) = StoredFile.from_columns(*files)
        return str(identity)

    def has(self, identity: str) -> bool:
        """Tell whether a calibration file is registered already."""
        with self._database.read() as session:
            return session.get(CalibratorFile, row_id(identity)) is not None

    def metrics(self, identity: str) -> dict[str, Any]:
        """Return what is known of the quality of a calibration file; empty if it is not registered."""
        with self._database.read() as session:
            row = session.get(CalibratorFile, row_id(identity))
        return dict(row.metrics) if row else {}

    def load(self, identity: str, *, download: bool = True) -> Calibration:
        """Read a calibration image or table.

        Raises
        ------
        StoreError
            If there is none of this identity, or its file is missing or damaged.
        """
        stored = self._found.get(identity) or self._stored(identity)
        return read_calibration(self._files.local_path(stored, download=download))

    def listed(self, *, with_retired: bool = False) -> list[CalibratorFile]:
        """Return the calibration files, of those that are not retired or all, by camera, kind, section and filter."""
        table = CalibratorFile
        wanted = (
            select(table)
            .where(*([] if with_retired else [table.retired.is_(False)]))
            .order_by(table.instrument, table.kind, table.section, table.filter, table.identity)
        )
        with self._database.read() as session:
            return list(session.scalars(wanted))

    def retire(self, identity: str) -> None:
        """Choose this file no more; what was made with it stays."""
        changed = update(CalibratorFile).where(CalibratorFile.id == row_id(identity)).values(retired=True)
        self._database.transact(lambda session: session.execute(changed))

    def _stored(self, identity: str) -> StoredFile:
        with self._database.read() as session:
            row = session.get(CalibratorFile, row_id(identity))
        if row is None:
            raise StoreError(f"there is no calibration file {identity}; it was deleted")
        return StoredFile.from_columns(row.path_stem, row.components, row.archive_state)[0]

"""Calibration files: registered with the time in which they are valid, and found for an exposure."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_, select, update

from seechange_core.frames import Calibration
from seechange_core.models import CalibratorFile, Product, row_id
from seechange_core.store.files import StoredFile
from seechange_core.store.formats.calibration import read_calibration
from seechange_core.store.products import ProductRecord, ProductStore
from seechange_core.store.rows.calibrations import Validity


class Calibrations:
    """The calibration files of all cameras.

    Parameters
    ----------
    products : ProductStore
        Holds rows and images.
    """

    def __init__(self, products: ProductStore) -> None:
        self._products = products
        self._database = products.database
        self._found: dict[str, StoredFile] = {}

    def register(
        self,
        record: ProductRecord,
        frame: Calibration,
        *,
        valid_from_mjd: float | None = None,
        valid_to_mjd: float | None = None,
        no_archive: bool = False,
    ) -> str:
        """Save a calibration image or table and return its identity: the product id.

        Parameters
        ----------
        record : ProductRecord
            What it was made from, and of which camera and section it is; no filter for kinds that do not depend on it;
            the time is the middle of its exposures, None for a file from elsewhere; the metrics are its quality.
        valid_from_mjd, valid_to_mjd : float, optional
            When it may be used: from, inclusive, to, exclusive. None for no limit.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        outputs = {"calibration": frame, "validity": Validity(valid_from_mjd, valid_to_mjd)}
        self._products.save(record, outputs, {}, no_archive=no_archive)
        return record.product_id

    def find(self, *, kind: str, instrument: str, section: str, filter: str, mjd: float) -> str | None:
        """Return the identity of the file to use at a time: of those that are valid the one nearest in time.

        What counts is when its exposures were taken, or for a file from elsewhere when its validity began; files
        without either come last; of those that are equal otherwise the one that was made last is taken.
        What is flagged as bad, or made from what is, is not used.
        """
        table = CalibratorFile
        wanted = (
            select(Product.identity, table.path_stem, table.components, table.archive_state)
            .join(Product, Product.id == table.id)
            .where(
                table.kind == kind,
                table.instrument == instrument,
                table.section == section,
                table.retired.is_(False),
                Product.badness == 0,
                Product.upstream_badness == 0,
                or_(table.filter.is_(None), table.filter == filter),
                or_(table.valid_from_mjd.is_(None), table.valid_from_mjd <= mjd),
                or_(table.valid_to_mjd.is_(None), table.valid_to_mjd > mjd),
            )
            .order_by(
                func.coalesce(func.abs(mjd - table.mjd), mjd - table.valid_from_mjd, float(2**53)),
                Product.created_at.desc(),
                Product.identity,
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
            row = session.get(Product, row_id(identity))
        return dict(row.metrics) if row else {}

    def load(self, identity: str, *, download: bool = True) -> Calibration:
        """Read a calibration image or table.

        Raises
        ------
        StoreError
            If there is none of this identity, or its file is missing or damaged.
        """
        stored = self._found.get(identity)
        if stored is None:
            frame: Calibration = self._products.load(identity, "calibration", download=download)
            return frame
        return read_calibration(self._products.files.local_path(stored, download=download))

    def listed(self, *, with_retired: bool = False) -> list[tuple[str, CalibratorFile, dict[str, Any]]]:
        """Return identity, row and quality of files, all or those not retired, by camera, kind, section and filter."""
        table = CalibratorFile
        wanted = (
            select(Product.identity, table, Product.metrics)
            .join(Product, Product.id == table.id)
            .where(*([] if with_retired else [table.retired.is_(False)]))
            .order_by(table.instrument, table.kind, table.section, table.filter, Product.identity)
        )
        with self._database.read() as session:
            return [(identity, row, metrics) for identity, row, metrics in session.execute(wanted)]

    def retire(self, identity: str) -> None:
        """Choose this file no more; what was made with it stays."""
        changed = update(CalibratorFile).where(CalibratorFile.id == row_id(identity)).values(retired=True)
        self._database.transact(lambda session: session.execute(changed))

"""From a role to the row that holds it, and from the row to what is in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from seechange_core.errors import StoreError
from seechange_core.frames import (
    BackgroundModel,
    Frame,
    PhotometricSolution,
    PsfModel,
    SkyMapping,
    SourceTable,
)
from seechange_core.models import (
    PSF,
    Background,
    CalibratorFile,
    Cutouts,
    DataFile,
    Decisions,
    Image,
    SourceList,
    WorldCoordinates,
    ZeroPoint,
    row_id,
)
from seechange_core.store.files import FileStore, StoredFile
from seechange_core.store.formats import FILE_FORMATS
from seechange_core.store.formats.decisions import read_decisions
from seechange_core.store.formats.documents import (
    mapping_document,
    mapping_from_document,
    photometry_document,
    photometry_from_document,
)

#: Tables that have a file, by role; roles that are not here have a row of `DataFile`.
FILE_TABLES: Mapping[str, Any] = {
    "image": Image,
    "difference": Image,
    "sources": SourceList,
    "detections": SourceList,
    "psf": PSF,
    "background": Background,
    "stamps": Cutouts,
    "calibration": CalibratorFile,
}
#: How solutions, which have no file, are written, and read back.
DOCUMENT_FORMATS: Mapping[str, tuple[Callable[[Any], dict[str, Any]], Callable[[dict[str, Any]], Any]]] = {
    "mapping": (mapping_document, mapping_from_document),
    "photometry": (photometry_document, photometry_from_document),
}
#: Columns that hold a role completely, and how it is read from them.
_IN_ROWS: Mapping[str, tuple[Any, Callable[[Any], Any]]] = {
    "mapping": (WorldCoordinates.mapping, DOCUMENT_FORMATS["mapping"][1]),
    "photometry": (ZeroPoint.solution, DOCUMENT_FORMATS["photometry"][1]),
    "decisions": (Decisions.peaks, read_decisions),
}


def read_role(
    session: Session, files: FileStore, product_id: str, role: str, *, download: bool = True
) -> Any:
    """Read one role of a product; see `ProductStore.load`."""
    if role in _IN_ROWS:
        column, read = _IN_ROWS[role]
        value = session.scalars(select(column).where(column.class_.id == row_id(product_id))).first()
        if value is None:
            raise _missing(product_id, role)
        return read(value)
    stored = stored_files(session, product_id, role)
    if not stored:
        raise _missing(product_id, role)
    return FILE_FORMATS[role].read(files.local_path(stored[0], download=download))


@dataclass(frozen=True)
class StoredImage:
    """A calibrated image with all that was measured on it, whose pixels are read when they are asked for.

    Parameters
    ----------
    read_image : callable
        Returns the `Frame`, which is not kept.
    background, sources, psf, mapping, photometry
        In memory.
    """

    read_image: Callable[[], Frame]
    background: BackgroundModel
    sources: SourceTable
    psf: PsfModel
    mapping: SkyMapping
    photometry: PhotometricSolution

    @property
    def image(self) -> Frame:
        """The pixels."""
        return self.read_image()


def read_calibrated(
    session: Session, files: FileStore, product_ids: Mapping[str, str], *, download: bool = True
) -> dict[str, Any]:
    """Read fields of a `StoredImage`, their rows found in one statement.

    Parameters
    ----------
    product_ids : mapping of str to str
        By role: ``image``, ``background``, ``sources``, ``psf``, ``mapping``, ``photometry``, or some of them.

    Raises
    ------
    StoreError
        If a product or a file is missing.
    """
    columns: list[Any] = []
    keys: list[tuple[Any, UUID]] = []
    for role, identity in product_ids.items():
        table = _IN_ROWS[role][0].class_ if role in _IN_ROWS else FILE_TABLES[role]
        columns += [_IN_ROWS[role][0]] if role in _IN_ROWS else _file_columns(table)
        keys.append((table, row_id(identity)))
    (first, first_key), *others = keys
    wanted = select(*columns).select_from(first).where(first.id == first_key)
    for table, key in others:
        wanted = wanted.join(table, table.id == key)
    found = session.execute(wanted).first()
    if found is None:
        raise StoreError(f"one of the products {', '.join(product_ids.values())} was deleted; process again")
    values = iter(found)
    products: dict[str, Any] = {}
    for role in product_ids:
        if role in _IN_ROWS:
            products[role] = _IN_ROWS[role][1](next(values))
            continue
        (stored,) = StoredFile.from_columns(next(values), next(values), next(values))
        read = partial(FILE_FORMATS[role].read, files.local_path(stored, download=download))
        products |= {"read_image": read} if role == "image" else {role: read()}
    return products


def stored_files(session: Session, product_id: str, role: str) -> tuple[StoredFile, ...]:
    """Return the files of one role of a product; none if there is no such row."""
    table = FILE_TABLES.get(role, DataFile)
    columns = select(*_file_columns(table))
    if table is DataFile:
        columns = columns.where(DataFile.product_id == row_id(product_id), DataFile.role == role)
    else:
        columns = columns.where(table.id == row_id(product_id))
    found = session.execute(columns).first()
    return () if found is None else StoredFile.from_columns(*found)


def _file_columns(table: Any) -> tuple[Any, Any, Any]:
    return table.path_stem, table.components, table.archive_state


def _missing(product_id: str, role: str) -> StoreError:
    return StoreError(f"product {product_id} has no {role}: it was deleted or never finished; process again")

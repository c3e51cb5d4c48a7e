"""Every row that has files in the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from seechange_core.models import (
    PSF,
    Background,
    CalibratorFile,
    CatalogExcerpt,
    Cutouts,
    DataFile,
    Exposure,
    Image,
    SourceList,
)
from seechange_core.store.files import StoredFile

#: Tables of products with files, and the column that names the product.
PRODUCT_TABLES: tuple[tuple[Any, Any], ...] = (
    (Image, Image.id),
    (SourceList, SourceList.id),
    (PSF, PSF.id),
    (Background, Background.id),
    (Cutouts, Cutouts.id),
    (CalibratorFile, CalibratorFile.id),
    (DataFile, DataFile.product_id),
)
_OTHER_TABLES: tuple[Any, ...] = (CatalogExcerpt, Exposure)


def files_of_products(session: Session, products: Select[UUID]) -> list[StoredFile]:
    """Return the files of some products, each once: the PSF of a difference is in the file of its image.

    Parameters
    ----------
    products : query
        For their primary keys.
    """
    found: dict[str, StoredFile] = {}
    for table, key in PRODUCT_TABLES:
        columns = select(table.path_stem, table.components, table.archive_state).where(key.in_(products))
        for files in session.execute(columns.order_by(key)):
            found |= {stored.path: stored for stored in StoredFile.from_columns(*files)}
    return list(found.values())


def all_files(session: Session) -> Iterator[tuple[str, StoredFile]]:
    """Return the name of the table and the file for every file that a row refers to."""
    for table in (*(table for table, _ in PRODUCT_TABLES), *_OTHER_TABLES):
        columns = select(table.path_stem, table.components, table.archive_state)
        for files in session.execute(columns):
            yield from ((table.__tablename__, stored) for stored in StoredFile.from_columns(*files))

"""Every row that has files in the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import select
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
    (DataFile, DataFile.product_id),
)
_OTHER_TABLES: tuple[Any, ...] = (CalibratorFile, CatalogExcerpt, Exposure)


def files_of_products(session: Session, products: Any) -> Iterator[tuple[UUID, StoredFile]]:
    """Return product and file for each file of some products.

    Parameters
    ----------
    products : collection of UUID, or a query for them
        Primary keys.
    """
    for table, key in PRODUCT_TABLES:
        columns = select(key, table.path_stem, table.components, table.archive_state).where(key.in_(products))
        for product, *files in session.execute(columns.order_by(key)):
            yield from ((product, stored) for stored in StoredFile.from_columns(*files))


def all_files(session: Session) -> Iterator[tuple[str, StoredFile]]:
    """Return the name of the table and the file for every file that a row refers to."""
    for table in (*(table for table, _ in PRODUCT_TABLES), *_OTHER_TABLES):
        columns = select(table.path_stem, table.components, table.archive_state)
        for files in session.execute(columns):
            yield from ((table.__tablename__, stored) for stored in StoredFile.from_columns(*files))

"""Files of products that no other table holds."""

from __future__ import annotations

import uuid

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, CreationMixin
from seechange_core.models.columns import foreign_key
from seechange_core.models.files import FilesMixin


class DataFile(FilesMixin, CreationMixin, Base):
    """A further file of a product, by role; the primary key is `row_id` of the product id and the role."""

    __tablename__ = "data_files"
    __table_args__ = (UniqueConstraint("product_id", "role"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-2)
    product_id: Mapped[uuid.UUID] = foreign_key("products.id", cascade=True, index=False)
    role: Mapped[str]

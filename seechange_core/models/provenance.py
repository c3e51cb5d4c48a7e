"""How products are made: processings, their tags, the code that ran."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base, CreationMixin, IdentityMixin
from seechange_core.models.columns import foreign_key


class Provenance(CreationMixin, Base):
    """A process with everything that decides its output, under the id computed from it."""

    __tablename__ = "provenances"

    id: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(index=True)
    version: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    upstream: Mapped[dict[str, str]]


class ProvenanceTag(Base):
    """A name for one provenance per camera and process: ``current``, ``dr1``."""

    __tablename__ = "provenance_tags"
    __table_args__ = (UniqueConstraint("tag", "instrument", "process"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tag: Mapped[str]
    instrument: Mapped[str]
    process: Mapped[str]
    provenance_id: Mapped[str] = foreign_key("provenances.id")


class CodeVersion(IdentityMixin, CreationMixin, Base):
    """The versions of all packages that a run used."""

    __tablename__ = "code_versions"

    packages: Mapped[dict[str, str]]
    git_commit: Mapped[str | None]

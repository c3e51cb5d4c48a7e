"""Reports: how runs of sections went."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.base import Base
from seechange_core.models.columns import foreign_key, one_of


class Report(Base):
    """One run of one section or sky cell.

    Attributes
    ----------
    place : str
        Section of the exposure, or sky cell.
    step : str
        The last process that was reached.
    error : str
        What went wrong, or why it was rejected or has to wait; empty otherwise.
    seconds, peak_memory_mb : dict
        By process.
    host, process_id : str, int
        Where it ran, and which process of the system ran it.
    """

    __tablename__ = "reports"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    exposure_id: Mapped[uuid.UUID | None] = foreign_key("exposures.id", cascade=True)
    place: Mapped[str]
    state: Mapped[str] = mapped_column(one_of("state", "running", "done", "waiting", "rejected", "failed"))
    step: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    warnings: Mapped[list[str]]
    seconds: Mapped[dict[str, float]]
    peak_memory_mb: Mapped[dict[str, float]]
    host: Mapped[str]
    process_id: Mapped[int]
    command_line: Mapped[str]
    code_version_id: Mapped[uuid.UUID] = foreign_key("code_versions.id")
    started_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]

"""Reports: how runs of sections went, and which code ran."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from seechange_core.models import CodeVersion, Report, row_id
from seechange_core.params import content_id
from seechange_core.store.database import Database
from seechange_core.store.inserting import insert_missing
from seechange_core.store.liveness import has_died


class Reports:
    """Writes and lists reports.

    Parameters
    ----------
    database : Database
        Where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def register_code(self, packages: Mapping[str, str], git_commit: str | None = None) -> UUID:
        """Return the key of the versions that a run uses, written if they are new.

        Parameters
        ----------
        packages : mapping of str to str
            Version by name of the package.
        git_commit : str, optional
            Of the core, where it runs from a checkout.
        """
        identity = content_id({"packages": dict(packages), "git_commit": git_commit})
        row = CodeVersion(
            id=row_id(identity), identity=identity, packages=dict(packages), git_commit=git_commit
        )
        self._database.transact(lambda session: insert_missing(session, [row]))
        return row_id(identity)

    def start(
        self, place: str, *, code_version_id: UUID, command_line: str, exposure_id: UUID | None = None
    ) -> UUID:
        """Write that a run of a section or sky cell began, and return the key of its report."""
        host, process_id, now = socket.gethostname(), os.getpid(), datetime.now(UTC)
        runner = f"{host}:{process_id}:{threading.get_ident()}"
        key = row_id(f"report:{exposure_id}:{place}:{now.isoformat()}:{runner}")

        def work(session: Session) -> None:
            row = Report(
                id=key,
                exposure_id=exposure_id,
                place=place,
                state="running",
                warnings=[],
                seconds={},
                peak_memory_mb={},
                host=host,
                process_id=process_id,
                command_line=command_line,
                code_version_id=code_version_id,
                started_at=now,
                finished_at=None,
            )
            insert_missing(session, [row])

        self._database.transact(work)
        return key

    def finish(
        self,
        report_id: UUID,
        *,
        state: str,
        step: str,
        error: str = "",
        warnings: Sequence[str] = (),
        seconds: Mapping[str, float] | None = None,
        peak_memory_mb: Mapping[str, float] | None = None,
    ) -> None:
        """Write how a run ended; see `models.Report`."""
        changed = (
            update(Report)
            .where(Report.id == report_id)
            .values(
                state=state,
                step=step,
                error=error,
                warnings=list(warnings),
                seconds=dict(seconds or {}),
                peak_memory_mb=dict(peak_memory_mb or {}),
                finished_at=datetime.now(UTC),
            )
        )
        self._database.transact(lambda session: session.execute(changed))

    def close_abandoned(self) -> int:
        """Write that the runs failed whose process was killed before it could say how they ended; return how many."""
        now = datetime.now(UTC)

        def work(session: Session) -> int:
            running = session.scalars(select(Report).where(Report.state == "running")).all()
            dead = [
                report
                for report in running
                if has_died(report.host, report.process_id, (now - report.started_at).total_seconds())
            ]
            for report in dead:
                report.state, report.error, report.finished_at = "failed", "the process was killed", now
            return len(dead)

        return self._database.transact(work)

    def latest(self, exposure_id: UUID) -> dict[str, Report]:
        """Return the last report of each section of an exposure."""
        wanted = select(Report).where(Report.exposure_id == exposure_id).order_by(Report.started_at)
        with self._database.read() as session:
            return {report.place: report for report in session.scalars(wanted)}

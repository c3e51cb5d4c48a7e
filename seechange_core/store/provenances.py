"""Provenances in the database, and the tags that name one for each process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from seechange_core import models
from seechange_core.errors import StoreError
from seechange_core.models import ProvenanceTag, row_id
from seechange_core.provenance import Provenance
from seechange_core.store.database import Database
from seechange_core.store.inserting import insert_missing


class Provenances:
    """Registers processings, looks them up, and names them by tags.

    Parameters
    ----------
    database : Database
        Where the rows are.

    Attributes
    ----------
    registered : set of str
        Ids that are known to have their row; so a process registers each of them once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.registered: set[str] = set()

    def register(self, provenances: Iterable[Provenance]) -> None:
        """Write provenances that are not there yet."""
        rows = [provenance_row(provenance) for provenance in provenances]
        ids = {row.id for row in rows}
        self._database.transact(lambda session: insert_missing(session, rows))
        self.registered |= ids

    def get(self, provenance_id: str) -> Provenance:
        """Return a provenance by its id, or by as much of its beginning as no other shares.

        Raises
        ------
        StoreError
            If there is none, or more than one.
        """
        wanted = select(models.Provenance).where(
            models.Provenance.id.startswith(provenance_id, autoescape=True)
        )
        with self._database.read() as session:
            found = session.scalars(wanted.limit(2)).all()
        if len(found) != 1:
            count = "no provenance" if not found else "more than one provenance"
            raise StoreError(f"{count} begins with {provenance_id!r}; `seechange provenance show` lists them")
        return provenance_of(found[0])

    def listed(self, process: str | None = None) -> list[Provenance]:
        """Return all provenances, or those of one process, oldest first."""
        wanted = select(models.Provenance).order_by(models.Provenance.created_at, models.Provenance.id)
        if process is not None:
            wanted = wanted.where(models.Provenance.process == process)
        with self._database.read() as session:
            return [provenance_of(row) for row in session.scalars(wanted)]

    def set_tag(self, tag: str, provenances: Iterable[Provenance], *, replace: bool = False) -> None:
        """Let a tag name one provenance for each of some processes; other processes of the tag stay as they are.

        Parameters
        ----------
        tag : str
            ``"current"``, ``"dr1"`` ...
        provenances : iterable of Provenance
            At most one for a process.
        replace : bool
            False: refuse to name another provenance for a process that the tag has already.

        Raises
        ------
        StoreError
            If the tag names another provenance for one of the processes.
        """
        wanted = list(provenances)
        self._database.transact(lambda session: _set_tag(session, tag, wanted, replace))
        self.registered |= {provenance.id for provenance in wanted}

    def tagged(self, tag: str) -> dict[str, str]:
        """Return the provenance ids of a tag by process; empty if there is no such tag."""
        wanted = select(ProvenanceTag.process, ProvenanceTag.provenance_id).where(ProvenanceTag.tag == tag)
        with self._database.read() as session:
            return {process: provenance_id for process, provenance_id in session.execute(wanted)}

    def tags(self) -> Mapping[str, dict[str, str]]:
        """Return all tags with their provenance ids by process."""
        wanted = select(ProvenanceTag).order_by(ProvenanceTag.tag, ProvenanceTag.process)
        found: dict[str, dict[str, str]] = {}
        with self._database.read() as session:
            for row in session.scalars(wanted):
                found.setdefault(row.tag, {})[row.process] = row.provenance_id
        return found


def provenance_row(provenance: Provenance) -> models.Provenance:
    """Return the row of a provenance."""
    return models.Provenance(
        id=provenance.id,
        process=provenance.process,
        version=provenance.version,
        parameters=dict(provenance.parameters),
        upstream=dict(provenance.upstream),
    )


def provenance_of(row: models.Provenance) -> Provenance:
    """Return the provenance that a row describes."""
    return Provenance(row.process, row.version, row.parameters, row.upstream)


def _set_tag(session: Session, tag: str, provenances: list[Provenance], replace: bool) -> None:
    insert_missing(session, [provenance_row(provenance) for provenance in provenances])
    present = {
        row.process: row for row in session.scalars(select(ProvenanceTag).where(ProvenanceTag.tag == tag))
    }
    for provenance in provenances:
        before = present.get(provenance.process)
        if before is not None and before.provenance_id != provenance.id:
            if not replace:
                raise StoreError(
                    f"tag {tag!r} names provenance {before.provenance_id} for {provenance.process}, "
                    f"not {provenance.id}; use another tag, or replace it"
                )
            before.provenance_id = provenance.id
    missing = [provenance for provenance in provenances if provenance.process not in present]
    rows = [
        ProvenanceTag(
            id=row_id(f"{tag}:{provenance.process}"),
            tag=tag,
            process=provenance.process,
            provenance_id=provenance.id,
        )
        for provenance in missing
    ]
    insert_missing(session, rows)
    session.flush()

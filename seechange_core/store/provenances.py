"""Provenances in the database, and the tags that name one for each process of a camera."""

from __future__ import annotations

from collections.abc import Iterable

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

    def set_tag(
        self, tag: str, instrument: str, provenances: Iterable[Provenance], *, replace: bool = False
    ) -> dict[str, str]:
        """Let a tag name one provenance for each of some processes of a camera; all others of it stay as they are.

        Parameters
        ----------
        tag : str
            ``"current"``, ``"dr1"`` ...
        instrument : str
            The camera.
        provenances : iterable of Provenance
            At most one for a process.
        replace : bool
            False: refuse to name another provenance for a process that the tag has already.

        Returns
        -------
        dict of str to str
            Which provenance ids the tag named before, by process, of those that it names no more.

        Raises
        ------
        StoreError
            If the tag names another provenance for one of the processes.
        """
        wanted = list(provenances)
        before = self._database.transact(lambda session: _set_tag(session, tag, instrument, wanted, replace))
        self.registered |= {provenance.id for provenance in wanted}
        return before

    def check_tag(self, tag: str, instrument: str, provenances: Iterable[Provenance]) -> None:
        """Raise what `set_tag` would, and write nothing."""
        with self._database.read() as session:
            _renamed(session, tag, instrument, provenances, replace=False)

    def tagged(self, tag: str) -> dict[str, dict[str, str]]:
        """Return the provenance ids of a tag by camera and process; empty if there is no such tag."""
        return self.tags().get(tag, {})

    def tags(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return all tags with their provenance ids by camera and process."""
        order = (ProvenanceTag.tag, ProvenanceTag.instrument, ProvenanceTag.process)
        found: dict[str, dict[str, dict[str, str]]] = {}
        with self._database.read() as session:
            for row in session.scalars(select(ProvenanceTag).order_by(*order)):
                found.setdefault(row.tag, {}).setdefault(row.instrument, {})[row.process] = row.provenance_id
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


def _renamed(
    session: Session, tag: str, instrument: str, provenances: Iterable[Provenance], *, replace: bool
) -> tuple[dict[str, ProvenanceTag], list[Provenance]]:
    """Return the rows of a tag by process, and those provenances that it does not name yet."""
    rows = select(ProvenanceTag).where(ProvenanceTag.tag == tag, ProvenanceTag.instrument == instrument)
    present = {row.process: row for row in session.scalars(rows)}
    new = []
    for provenance in provenances:
        row = present.get(provenance.process)
        if row is not None and row.provenance_id == provenance.id:
            continue
        if row is not None and not replace:
            raise StoreError(
                f"tag {tag!r} names provenance {row.provenance_id} for {provenance.process} of {instrument}, "
                f"not {provenance.id}; use another tag"
            )
        new.append(provenance)
    return present, new


def _set_tag(
    session: Session, tag: str, instrument: str, provenances: list[Provenance], replace: bool
) -> dict[str, str]:
    present, new = _renamed(session, tag, instrument, provenances, replace=replace)
    insert_missing(session, [provenance_row(provenance) for provenance in new])
    before, missing = {}, []
    for provenance in new:
        row = present.get(provenance.process)
        if row is not None:
            before[provenance.process] = row.provenance_id
            row.provenance_id = provenance.id
            continue
        identity = row_id(f"{tag}:{instrument}:{provenance.process}")
        missing.append(
            ProvenanceTag(
                id=identity,
                tag=tag,
                instrument=instrument,
                process=provenance.process,
                provenance_id=provenance.id,
            )
        )
    insert_missing(session, missing)
    session.flush()
    return before

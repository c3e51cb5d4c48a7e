"""Products: found by identity, saved once, loaded by role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from seechange_core.models import Badness, Base, Binding, Product, ProductInput, Reference, row_id
from seechange_core.store.database import Database
from seechange_core.store.files import FileStore, StoredFile
from seechange_core.store.formats import FILE_FORMATS
from seechange_core.store.inserting import insert_and_return, insert_if_missing, insert_missing
from seechange_core.store.json_values import json_values
from seechange_core.store.latest import latest, only
from seechange_core.store.loading import DOCUMENT_FORMATS, FILE_TABLES, read_role, stored_files
from seechange_core.store.naming import path_stem
from seechange_core.store.provenances import Provenances, provenance_row
from seechange_core.store.record import Observation, ProductRecord, ProductState
from seechange_core.store.rows import ROW_BUILDERS, Saving, data_file_rows
from seechange_core.store.upstream import inherited_badness

__all__ = ["Observation", "ProductRecord", "ProductState", "ProductStore"]


class ProductStore:
    """What was made, and what was rejected.

    Parameters
    ----------
    database : Database
        Holds the rows.
    files : FileStore
        Holds the pixels and tables.
    provenances : Provenances
        Knows which provenances have their row.
    """

    def __init__(self, database: Database, files: FileStore, provenances: Provenances) -> None:
        self.database = database
        self.files = files
        self._provenances = provenances
        self._saved_files: dict[tuple[str, str], StoredFile] = {}
        self._saved_documents: dict[tuple[str, str], dict[str, Any]] = {}
        self._unbound: set[str] = set()

    def find(self, product_id: str) -> ProductState | None:
        """Return what is known of a product; None if it was never finished."""
        with self.database.read() as session:
            product = session.get(Product, row_id(product_id))
        return None if product is None else _state(product)

    def find_by_anchor(self, anchor: str) -> ProductState | None:
        """Return the product of an anchor; None if it was never finished."""
        # One statement finds the binding too: a step that has to run asks for it next.
        asked = select(literal(anchor).label("anchor")).subquery()
        wanted = (
            select(Product, Binding.anchor)
            .select_from(asked)
            .outerjoin(Product, Product.anchor == asked.c.anchor)
            .outerjoin(Binding, Binding.anchor == asked.c.anchor)
            .order_by(Product.created_at, Product.id)
            .limit(1)
        )
        with self.database.read() as session:
            found: Any = session.execute(wanted).one()
        if found.anchor is None:
            self._unbound.add(anchor)
        return None if found.Product is None else _state(found.Product)

    def of_exposure(self, exposure_id: UUID, provenance_id: str) -> dict[str, str]:
        """Return the identities of what a provenance made of an exposure, by section; nothing that was rejected."""
        wanted = (
            select(Product.place, Product.identity)
            .where(
                Product.exposure_id == exposure_id,
                Product.state == "done",
                latest(only(provenance_id)),
            )
            .order_by(Product.place)
        )
        with self.database.read() as session:
            return {place: identity for place, identity in session.execute(wanted)}

    def binding(self, anchor: str) -> dict[str, str] | None:
        """Return the inputs that were bound to an anchor; None before `bind`."""
        if anchor in self._unbound:
            return None
        with self.database.read() as session:
            bound = session.get(Binding, anchor)
        return None if bound is None else dict(bound.inputs)

    def bind(self, anchor: str, inputs: Mapping[str, str]) -> dict[str, str]:
        """Bind inputs that depend on data to an anchor, unless another run was first; return what is bound."""

        def work(session: Session) -> dict[str, str]:
            if insert_if_missing(session, Binding(anchor=anchor, inputs=dict(inputs))):
                return dict(inputs)
            return dict(session.scalars(select(Binding.inputs).where(Binding.anchor == anchor)).one())

        bound = self.database.transact(work)
        self._unbound.discard(anchor)
        return bound

    def save(
        self,
        record: ProductRecord,
        outputs: Mapping[str, Any],
        inputs: Mapping[str, Any],
        *,
        no_archive: bool = False,
    ) -> bool:
        """Write the files of all outputs, then all rows in one transaction.

        If another writer was first, its rows stay, and files of this one that are named otherwise are removed.

        Parameters
        ----------
        record : ProductRecord
            What identifies the product.
        outputs, inputs : mapping
            In-memory products by role, as the step returned and got them: the rows of a difference or of a zero point
            repeat what is known of its inputs.
        no_archive : bool
            Keep the files on this disk only.

        Returns
        -------
        bool
            Whether this was the first writer.

        Raises
        ------
        StoreError
            If files or rows cannot be written: nothing partial is left.
        """
        files = {
            role: self.files.write(
                path_stem(record, role), FILE_FORMATS[role].to_bytes(value), no_archive=no_archive
            )
            for role, value in outputs.items()
            if role in FILE_FORMATS
        }
        written = self._write(record, "done", "", record.metrics, Saving(record, outputs, inputs, files))
        if written:
            self._saved_files |= {(record.product_id, role): stored for role, stored in files.items()}
            self._saved_documents |= {
                (record.product_id, role): DOCUMENT_FORMATS[role][0](value)
                for role, value in outputs.items()
                if role in DOCUMENT_FORMATS
            }
        else:
            self._remove_unused(record.product_id, files)
        return written

    def save_rejection(
        self,
        record: ProductRecord,
        reason: str,
        metrics: Mapping[str, Any],
        badness: Badness = Badness.OTHER,
    ) -> None:
        """Remember that a step rejected these inputs.

        Parameters
        ----------
        reason, metrics
            See `errors.Rejected`.
        badness : Badness
            What is wrong with the data.
        """
        self._write(record, "rejected", reason, metrics, None, badness)

    def load(self, product_id: str, role: str, *, download: bool = True) -> Any:
        """Return a product in memory, exactly as every other reading gives it.

        Parameters
        ----------
        product_id : str
            Of the product.
        role : str
            ``"image"``, ``"sources"`` ...: what of it.
        download : bool
            False: do not ask the archive for a file that is missing here.

        Raises
        ------
        StoreError
            If there is no such product, or its file is missing or damaged.
        """
        document = self._saved_documents.get((product_id, role))
        if document is not None:
            return DOCUMENT_FORMATS[role][1](document)
        stored = self._saved_files.get((product_id, role))
        if stored is not None:
            return FILE_FORMATS[role].read(self.files.local_path(stored, download=download))
        with self.database.read() as session:
            return read_role(session, self.files, product_id, role, download=download)

    def _write(
        self,
        record: ProductRecord,
        state: str,
        reason: str,
        metrics: Mapping[str, Any],
        saving: Saving | None,
        badness: int = 0,
    ) -> bool:
        def work(session: Session) -> bool:
            if record.provenance.id not in self._provenances.registered:
                insert_missing(session, [provenance_row(record.provenance)])
            product = Product(
                id=row_id(record.product_id),
                identity=record.product_id,
                process=record.process,
                provenance_id=record.provenance.id,
                exposure_id=record.observation.exposure_id,
                place=record.place,
                anchor=record.anchor,
                inputs=dict(record.inputs),
                branch=record.branch,
                metrics=json_values(metrics),
                state=state,
                reason=reason,
                badness=int(badness),
                upstream_badness=inherited_badness(record.inputs.values()),
            )
            upstream_badness = insert_and_return(session, product, Product.upstream_badness)
            if upstream_badness is None:
                return False
            insert_missing(session, _input_rows(record))
            for rows in _built(session, saving, upstream_badness) if saving else ():
                insert_missing(session, rows)
            return True

        written = self.database.transact(work)
        self._provenances.registered.add(record.provenance.id)
        return written

    def _remove_unused(self, product_id: str, files: Mapping[str, StoredFile]) -> None:
        with self.database.read() as session:
            for role, stored in files.items():
                kept = {other.path for other in stored_files(session, product_id, role)}
                if stored.path not in kept:
                    self.files.remove(stored, from_archive=True)


def _built(session: Session, saving: Saving, upstream_badness: int) -> Iterator[Sequence[Base]]:
    """Build the rows of a product, with what the database alone knows of its inputs."""
    reference = saving.record.inputs.get("reference")
    if reference is not None:
        wanted = select(Reference.image_id).where(Reference.id == row_id(reference))
        saving = replace(saving, reference_image_id=session.scalars(wanted).one())
    saving = replace(saving, upstream_badness=upstream_badness)
    for role, build in ROW_BUILDERS.items():
        if role in saving.outputs:
            yield from build(saving)
    yield data_file_rows(saving, FILE_TABLES)


def _state(product: Product) -> ProductState:
    return ProductState(
        product_id=product.identity,
        process=product.process,
        anchor=product.anchor,
        state=product.state,
        reason=product.reason,
        branch=product.branch,
        metrics=product.metrics,
        inputs=product.inputs,
    )


def _input_rows(record: ProductRecord) -> list[ProductInput]:
    made = row_id(record.product_id)
    return [
        ProductInput(product_id=made, role=role, input_id=row_id(identity))
        for role, identity in record.inputs.items()
    ]

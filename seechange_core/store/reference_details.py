"""What references and their sets are made of, and what was made with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from seechange_core.models import Exposure, Image, ImageMember, Product, Reference, RefSet, row_id
from seechange_core.store.database import Database
from seechange_core.store.given_keys import given
from seechange_core.store.lineage import made_from
from seechange_core.store.references import no_reference


@dataclass(frozen=True)
class ReferenceDetails:
    """A reference with its history.

    Parameters
    ----------
    reference, reference_set, made_for : str
        Its identity, the name of its set, what the set is for.
    instrument, filter, sky_cell : str
        What it is of.
    provenance : str
        Of the process that made it: with which parameters images were chosen, added up and calibrated.
    retired : bool
        Whether it is no longer chosen.
    replaced_by : str
        Identity of the one that took its place; empty for none.
    badness : int
        Flags of `Badness`, its own and inherited ones.
    members : list of dict
        Images that it is made of, in order: ``image`` (primary key), ``exposure`` (identity), ``section``, ``mjd``.
    left_out : mapping of str to str
        Primary keys of images that were looked at and did not enter, and why.
    metrics : mapping of str to mapping
        What was measured on it, by process.
    made_with_it : list of dict
        Products, by process and place: ``process``, ``place``, ``exposure``, ``product``.
    """

    reference: str
    reference_set: str
    made_for: str
    instrument: str
    filter: str
    sky_cell: str
    provenance: str
    retired: bool
    replaced_by: str
    badness: int
    members: list[dict[str, Any]]
    left_out: Mapping[str, str]
    metrics: Mapping[str, Mapping[str, Any]]
    made_with_it: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def reference_details(database: Database, identity: str) -> ReferenceDetails:
    """Return all that is known of a reference.

    Raises
    ------
    StoreError
        If there is no such reference.
    """
    with database.read() as session:
        wanted = (
            select(Reference, RefSet, Product)
            .join(RefSet, RefSet.id == Reference.refset_id)
            .join(Product, Product.id == Reference.id)
            .where(Reference.id == row_id(identity))
        )
        found = session.execute(wanted).first()
        if found is None:
            raise no_reference(identity)
        reference, of_set, product = found
        return ReferenceDetails(
            reference=reference.identity,
            reference_set=of_set.name,
            made_for=of_set.description,
            instrument=reference.instrument,
            filter=reference.filter,
            sky_cell=reference.sky_cell,
            provenance=product.provenance_id,
            retired=reference.retired,
            replaced_by=reference.replaced_by,
            badness=product.badness | product.upstream_badness,
            members=_members(session, reference),
            left_out=product.metrics.get("left_out", {}),
            metrics=_metrics(session, product),
            made_with_it=_made_with(session, reference),
        )


def reference_sets(database: Database) -> list[dict[str, Any]]:
    """Return the sets: name, what for, cameras and filters, how many references, and the provenances of these.

    References that are no longer chosen count as ``retired``, and for nothing else.
    """
    with database.read() as session:
        rows: Sequence[Any] = session.execute(
            select(RefSet, Reference, Product.provenance_id)
            .outerjoin(Reference, Reference.refset_id == RefSet.id)
            .outerjoin(Product, Product.id == Reference.id)
            .order_by(RefSet.name)
        ).all()
    sets: dict[str, dict[str, Any]] = {}
    for of_set, reference, provenance in rows:
        entry = sets.setdefault(
            of_set.name,
            {
                "set": of_set.name,
                "made_for": of_set.description,
                "instruments": set(),
                "filters": set(),
                "references": 0,
                "retired": 0,
                "provenances": set(),
            },
        )
        if reference is None:
            continue
        if reference.retired:
            entry["retired"] += 1
            continue
        entry["references"] += 1
        entry["instruments"].add(reference.instrument)
        entry["filters"].add(reference.filter)
        entry["provenances"].add(provenance)
    return [
        {name: sorted(value) if isinstance(value, set) else value for name, value in entry.items()}
        for entry in sets.values()
    ]


def _members(session: Session, reference: Reference) -> list[dict[str, Any]]:
    wanted = (
        select(Image.id, Exposure.identity, Image.section, Image.mjd)
        .join(ImageMember, ImageMember.member_id == Image.id)
        .outerjoin(Exposure, Exposure.id == Image.exposure_id)
        .where(ImageMember.image_id == reference.image_id)
        .order_by(ImageMember.position)
    )
    return [
        {"image": str(image), "exposure": exposure, "section": section, "mjd": mjd}
        for image, exposure, section, mjd in session.execute(wanted)
    ]


def _metrics(session: Session, product: Product) -> dict[str, dict[str, Any]]:
    keys = [row_id(identity) for identity in product.inputs.values()]
    rows = session.execute(select(Product.process, Product.metrics).where(Product.id.in_(given(keys))))
    return {process: dict(metrics) for process, metrics in rows}


def _made_with(session: Session, reference: Reference) -> list[dict[str, Any]]:
    made = made_from([reference.id])
    wanted = (
        select(Product.process, Product.place, Exposure.identity, Product.identity)
        .outerjoin(Exposure, Exposure.id == Product.exposure_id)
        .where(Product.id.in_(select(made.c.id)))
        .order_by(Product.created_at, Product.process, Product.place)
    )
    return [
        {"process": process, "place": place, "exposure": exposure, "product": identity}
        for process, place, exposure, identity in session.execute(wanted)
    ]

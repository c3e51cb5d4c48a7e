from __future__ import annotations

import uuid
from collections.abc import Mapping

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from seechange_core.errors import StoreError
from seechange_core.models import (
    Badness,
    Exposure,
    Product,
    ProductInput,
    Provenance,
    row_id,
)
from seechange_core.store.database import Database
from seechange_core.store.inserting import insert_missing
from seechange_core.store.lineage import made_from
from seechange_core.store.marking import set_badness

# Two exposures, their images, what is measured on them, and a coadd of both.
CHAIN = {
    "image-1": ("exposure-1", "bias"),
    "image-2": ("exposure-2", "bias"),
    "sources-1": ("image-1",),
    "sources-2": ("image-2",),
    "coadd": ("image-1", "sources-1", "image-2", "sources-2"),
    "difference": ("image-2", "sources-2", "coadd"),
}


def exposure(identity: str) -> Exposure:
    return Exposure(
        id=row_id(identity),
        identity=identity,
        instrument="simcam",
        kind="science",
        mjd=60000.0,
        exposure_s=30.0,
        section_filters={},
        sections=["A"],
        processing="raw",
        info={},
        path_stem=identity,
        components=[{"name": ".fits", "sha256": "0" * 64, "size": 2880}],
    )


def product(identity: str, process: str) -> Product:
    return Product(
        id=row_id(identity),
        identity=identity,
        process=process,
        provenance_id="provenance",
        place="A",
        anchor=identity,
        inputs={},
        metrics={},
        state="done",
    )


def write_chain(session: Session, chain: Mapping[str, tuple[str, ...]]) -> None:
    insert_missing(
        session, [Provenance(id="provenance", process="any", version="1", parameters={}, upstream={})]
    )
    insert_missing(session, [exposure("exposure-1"), exposure("exposure-2")])
    insert_missing(session, [product(name, "any") for name in chain])
    inputs = [
        ProductInput(product_id=row_id(name), role=f"role-{position}", input_id=row_id(source))
        for name, sources in chain.items()
        for position, source in enumerate(sources)
    ]
    insert_missing(session, inputs)


@pytest.fixture
def chain(database: Database) -> Database:
    with database.write() as session:
        write_chain(session, CHAIN)
    return database


def upstream_badness(database: Database) -> dict[str, int]:
    with database.read() as session:
        rows = session.execute(select(Product.identity, Product.upstream_badness))
        return {identity: flags for identity, flags in rows if flags}


def test_one_call_reaches_everything_made_from_an_exposure(chain: Database) -> None:
    with chain.write() as session:
        reached = set_badness(session, row_id("exposure-1"), Badness.CLOUDS | Badness.TRAILED)
    assert reached == 4
    flags = int(Badness.CLOUDS | Badness.TRAILED)
    assert upstream_badness(chain) == dict.fromkeys(("image-1", "sources-1", "coadd", "difference"), flags)
    with chain.read() as session:
        marked = session.scalars(select(Exposure.identity).where(Exposure.badness != 0)).all()
    assert marked == ["exposure-1"]


def test_flags_from_several_sides_are_joined_and_cleared_one_by_one(chain: Database) -> None:
    with chain.write() as session:
        set_badness(session, row_id("exposure-1"), Badness.CLOUDS)
        set_badness(session, row_id("image-2"), Badness.BAD_SEEING)
    assert upstream_badness(chain) == {
        "image-1": Badness.CLOUDS,
        "sources-1": Badness.CLOUDS,
        "sources-2": Badness.BAD_SEEING,
        "coadd": Badness.CLOUDS | Badness.BAD_SEEING,
        "difference": Badness.CLOUDS | Badness.BAD_SEEING,
    }
    with chain.write() as session:
        set_badness(session, row_id("exposure-1"), Badness(0))
    assert upstream_badness(chain) == dict.fromkeys(("sources-2", "coadd", "difference"), Badness.BAD_SEEING)


def test_own_flags_stay_when_those_of_the_inputs_change(chain: Database) -> None:
    with chain.write() as session:
        set_badness(session, row_id("coadd"), Badness.OTHER)
        set_badness(session, row_id("exposure-2"), Badness.CLOUDS)
        set_badness(session, row_id("exposure-2"), Badness(0))
    assert upstream_badness(chain) == {"difference": Badness.OTHER}
    with chain.read() as session:
        coadd = session.get_one(Product, row_id("coadd"))
    assert (coadd.badness, coadd.upstream_badness) == (Badness.OTHER, 0)


def test_what_does_not_exist_is_refused(chain: Database) -> None:
    with pytest.raises(StoreError, match="no product"), chain.write() as session:
        set_badness(session, uuid.UUID(int=0), Badness.OTHER)


def test_everything_made_from_what_has_no_row_of_its_own_is_found(chain: Database) -> None:
    with chain.read() as session:
        made = made_from([row_id("bias")])
        names = session.scalars(select(Product.identity).join(made, made.c.id == Product.id)).all()
    assert sorted(names) == sorted(CHAIN)

"""What the tables promise to those who query them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import Select, delete, insert, select, text

from seechange_core.errors import StoreError
from seechange_core.models import Exposure, Image, Object, Product, Provenance, row_id
from seechange_core.models.sky_index import in_cone, separation_deg, sky_index
from seechange_core.store.database import Database

OBSERVED: dict[str, Any] = {
    "instrument": "simcam",
    "mjd": 60000.0,
    "exposure_s": 30.0,
    "filter": "r",
    "info": {},
    "path_stem": "x",
    "components": [],
}


@pytest.fixture
def image(database: Database) -> Database:
    """One image of one exposure."""
    with database.write() as session:
        session.add(Provenance(id="p", process="preprocessing", version="1", parameters={}, upstream={}))
        session.add(
            Exposure(
                id=row_id("exposure"),
                identity="exposure",
                kind="science",
                section_filters={},
                sections=["A"],
                processing="raw",
                **OBSERVED,
            )
        )
        session.flush()
        session.add_all(product(name) for name in ("image", "difference"))
        session.flush()
        session.add(Image(id=row_id("image"), exposure_id=row_id("exposure"), section="A", **OBSERVED))
    return database


def product(identity: str) -> Product:
    return Product(
        id=row_id(identity),
        identity=identity,
        process="preprocessing",
        provenance_id="p",
        exposure_id=row_id("exposure"),
        place="A",
        anchor=identity,
        inputs={},
        metrics={},
        state="done",
    )


@pytest.mark.parametrize(
    "origin",
    [
        {},
        {"exposure_id": row_id("exposure")},
        {"is_difference": True, "new_image_id": row_id("image")},
        {"is_coadd": True, "exposure_id": row_id("exposure"), "section": "A"},
        {
            "is_coadd": True,
            "is_difference": True,
            "new_image_id": row_id("image"),
            "ref_image_id": row_id("image"),
        },
    ],
)
def test_image_has_one_origin(image: Database, origin: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="origin"), image.write() as session:
        session.add(Image(id=row_id("difference"), **origin, **OBSERVED))


@pytest.mark.parametrize(
    "origin",
    [
        {"exposure_id": row_id("exposure"), "section": "B"},
        {"is_difference": True, "new_image_id": row_id("image"), "ref_image_id": row_id("image")},
        {"is_coadd": True, "sky_cell": "1234"},
    ],
)
def test_each_origin_is_accepted(image: Database, origin: dict[str, Any]) -> None:
    with image.write() as session:
        session.add(Image(id=row_id("difference"), **origin, **OBSERVED))


def test_rows_go_with_their_product(image: Database) -> None:
    with image.write() as session:
        session.execute(delete(Product).where(Product.identity == "image"))
    with image.read() as session:
        assert session.scalars(select(Image.id)).all() == []


def test_what_something_was_made_from_cannot_be_deleted_alone(image: Database) -> None:
    with image.write() as session:
        ids = {"new_image_id": row_id("image"), "ref_image_id": row_id("image")}
        session.add(Image(id=row_id("difference"), is_difference=True, **ids, **OBSERVED))
    with pytest.raises(StoreError, match=r"(?i)foreign key"), image.write() as session:
        session.execute(delete(Product).where(Product.identity == "image"))


@pytest.fixture
def sky(database: Database) -> Database:
    """3000 objects all over the sky, more of them at a pole and on both sides of right ascension 0."""
    random = np.random.default_rng(5)
    ra = np.concatenate(
        [random.uniform(0, 360, 2800), random.uniform(0, 360, 100), random.normal(0, 1e-3, 100)]
    )
    dec = np.concatenate(
        [
            np.degrees(np.arcsin(random.uniform(-1, 1, 2800))),
            random.uniform(89.999, 90, 100),
            np.full(100, 10.0),
        ]
    )
    ra %= 360
    columns = zip(ra.tolist(), dec.tolist(), sky_index(ra, dec).tolist(), strict=True)
    rows = [
        {"id": row_id("object", number), "ra": one_ra, "dec": one_dec, "sky_index": cell}
        for number, (one_ra, one_dec, cell) in enumerate(columns)
    ]
    with database.write() as session:
        session.execute(insert(Object), rows)
        session.execute(text("ANALYZE"))
    return database


def test_cone_search_agrees_with_brute_force(sky: Database) -> None:
    for ra, dec, radius_deg in [
        (0.0, 10.0, 1e-3),
        (359.9995, 10.0, 1e-3),
        (77.0, 90.0, 5e-4),
        (200.0, -30.0, 5.0),
        (10.0, 60.0, 30.0),
    ]:
        distance = separation_deg(Object, ra, dec)
        query = select(Object.id, distance).order_by(distance)
        with sky.read() as session:
            found = session.execute(query.where(in_cone(Object, ra, dec, radius_deg))).all()
            assert found
            assert found == session.execute(query.where(distance <= radius_deg)).all()


def plan(database: Database, query: Select[Any]) -> str:
    dialect = "EXPLAIN QUERY PLAN " if database.url.get_backend_name() == "sqlite" else "EXPLAIN "
    with database.read() as session:
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        return "\n".join(
            str(row) for row in session.execute(text(dialect + str(compiled).replace(":", r"\:")))
        )


def test_cone_search_uses_the_index(sky: Database) -> None:
    shown = plan(sky, select(Object.id).where(in_cone(Object, 10.0, 20.0, 0.01)))
    assert "ix_objects_sky_index" in shown
    assert "SCAN objects" not in shown
    assert "Seq Scan" not in shown

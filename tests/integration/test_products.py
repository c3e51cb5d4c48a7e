from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from seechange_core.errors import StoreError
from seechange_core.frames import Frame
from seechange_core.models import (
    PSF,
    Decisions,
    DeepScore,
    Image,
    ImageMember,
    Measurements,
    Product,
    ProductInput,
    WorldCoordinates,
    ZeroPoint,
    row_id,
)
from seechange_core.store import Database, FileStore, Store

ROLES = (
    *("image", "background", "sources", "psf", "mapping", "photometry", "difference", "aligned_reference"),
    *("detections", "stamps", "measurements", "decisions", "scores"),
)


@pytest.mark.parametrize("fresh", [False, True], ids=["same process", "another process"])
def test_every_role_comes_back(fresh_chain: Any, assert_same: Callable[..., None], fresh: bool) -> None:
    store = Store(fresh_chain.store.database, fresh_chain.store.files) if fresh else fresh_chain.store
    for role in ROLES:
        loaded = store.products.load(fresh_chain.identities[role], role)
        assert_same(fresh_chain.values[role], loaded)


def test_one_row_sums_up_what_was_decided(full_chain: Any) -> None:
    with full_chain.store.database.read() as session:
        row = session.scalars(select(Decisions)).one()
    assert (row.n_peaks, row.n_flagged, row.n_deleted) == (4, 1, 1)
    assert row.counts == {"dipole": {"flagged": 2, "deleted": 1}}
    assert row.image_id == row_id(full_chain.identities["difference"])


def test_rows_say_what_belongs_together(full_chain: Any) -> None:
    ids = {role: row_id(identity) for role, identity in full_chain.identities.items()}
    with full_chain.store.database.read() as session:
        image = session.get(Image, ids["image"])
        difference = session.get(Image, ids["difference"])
        reference = session.get(Image, difference.ref_image_id)
        assert image.exposure_id == full_chain.observation.exposure_id
        assert image.info["section"] == "A"
        assert (difference.is_difference, difference.new_image_id) == (True, image.id)
        assert (reference.is_coadd, reference.sky_cell) == (True, "cell-1")
        assert session.scalars(select(ImageMember.position)).all() == [0]
        for table in (PSF, WorldCoordinates, ZeroPoint):
            own = session.get(table, ids["difference"])
            assert own.image_id == difference.id
            assert own.source_list_id == ids["sources"]
        assert len(difference.corners) == 4
        assert difference.radius_deg == pytest.approx(0.5 * (80**2 + 70**2) ** 0.5 / 3600, rel=1e-3)
        zero_point = session.get(ZeroPoint, ids["photometry"])
        assert zero_point.limiting_magnitude == pytest.approx(27.1 - 2.5 * 2.17609, abs=1e-3)
        scores = session.scalars(select(DeepScore)).all()
        assert {score.measurement_id for score in scores} == set(session.scalars(select(Measurements.id)))
        assert scores[0].info == {"why": "é"}


def test_measurements_are_a_light_curve(full_chain: Any) -> None:
    columns = select(Measurements.mjd, Measurements.filter, Measurements.flux, Measurements.flux_error)
    with full_chain.store.database.read() as session:
        curve = session.execute(columns.order_by(Measurements.row)).all()
    table = full_chain.values["measurements"]
    assert [tuple(point) for point in curve] == [
        (60000.25, "r", flux, error) for flux, error in zip(table["flux"], table["flux_error"], strict=True)
    ]


def test_state_is_found_by_identity_and_by_anchor(new_chain: Callable[..., Any]) -> None:
    chain = new_chain()
    assert chain.store.products.find_by_anchor("unknown") is None
    record = chain.save("preprocessing")
    for found in (
        chain.store.products.find(record.product_id),
        chain.store.products.find_by_anchor(record.anchor),
    ):
        assert (found.product_id, found.state, found.inputs) == (record.product_id, "done", record.inputs)
        assert found.metrics == {"n": 1, "unknown": None}


def test_rejection_is_remembered_without_other_rows(new_chain: Callable[..., Any]) -> None:
    chain = new_chain()
    chain.save("preprocessing")
    record = chain.record("extraction", ("image",))
    chain.store.products.save_rejection(record, "too few stars", {"n_stars": 2})
    found = chain.store.products.find_by_anchor(record.anchor)
    assert (found.state, found.reason, found.metrics) == ("rejected", "too few stars", {"n_stars": 2})
    with pytest.raises(StoreError, match="has no sources"):
        chain.store.products.load(record.product_id, "sources")


def test_binding_is_that_of_the_first(store: Store) -> None:
    assert store.products.binding("anchor") is None
    assert store.products.bind("anchor", {"reference": "a"}) == {"reference": "a"}
    assert store.products.bind("anchor", {"reference": "b"}) == {"reference": "a"}
    assert store.products.binding("anchor") == {"reference": "a"}


def test_saving_again_changes_nothing(full_chain: Any) -> None:
    store = full_chain.store
    before = sorted(store.files.root.rglob("*.fits")), _counts(store.database)
    full_chain.save_through("scoring")
    assert (sorted(store.files.root.rglob("*.fits")), _counts(store.database)) == before


def test_second_writer_keeps_the_rows_of_the_first(new_chain: Callable[..., Any]) -> None:
    chain = new_chain()
    record = chain.save("preprocessing")
    (kept,) = chain.store.files.root.rglob("*_image_*.fits")
    first = chain.store.products.load(record.product_id, "image")
    other = chain.values["image"].replaced(data=first.data + 1000.0)
    chain.store.products.save(record, {"image": other}, {})
    assert list(chain.store.files.root.rglob("*_image_*.fits")) == [kept]
    again = Store(chain.store.database, chain.store.files).products.load(record.product_id, "image")
    assert again.data[0, 0] == first.data[0, 0]


def test_two_processes_save_the_same_product(
    new_chain: Callable[..., Any], at_once: Callable[..., list[Any]]
) -> None:
    chain = new_chain()
    record = chain.record("preprocessing", ("exposure",))
    store = chain.store
    arguments = (
        store.database.url.render_as_string(hide_password=False),
        store.files.root,
        record,
        chain.values["image"],
    )
    at_once(_save, arguments, arguments)
    assert _counts(store.database) == (1, 1, 0)
    assert len([path for path in store.files.root.rglob("*") if path.is_file()]) == 1
    assert store.products.load(record.product_id, "image").shape == chain.values["image"].shape


def test_upstream_badness_is_inherited(full_chain: Any) -> None:
    with full_chain.store.database.write() as session:
        session.get(Product, row_id(full_chain.identities["difference"])).badness = 128
    full_chain.save("detection", version="2.0")
    with full_chain.store.database.read() as session:
        assert session.get(Product, row_id(full_chain.identities["detections"])).upstream_badness == 128


def test_missing_file_is_named(full_chain: Any) -> None:
    (file,) = full_chain.store.files.root.rglob("*_detections_*.fits")
    file.unlink()
    with pytest.raises(StoreError, match=file.name):
        full_chain.store.products.load(full_chain.identities["detections"], "detections")


def _counts(database: Database) -> tuple[int, int, int]:
    with database.read() as session:
        return tuple(
            session.scalar(select(func.count()).select_from(table))
            for table in (Product, ProductInput, Measurements)
        )


def _save(url: str, root: Path, record: Any, image: Frame) -> None:
    Store(Database(url), FileStore(root)).products.save(record, {"image": image}, {})

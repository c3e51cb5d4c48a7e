from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from seechange_core.errors import StoreError
from seechange_core.models import Image, Product, Report, row_id
from seechange_core.provenance import Provenance
from seechange_core.store import DataStore, Store


def of_section(chain: Any, **options: Any) -> DataStore:
    return DataStore(chain.store, exposure_id=chain.observation.exposure_id, section_id="A", **options)


def test_everything_of_a_section_is_found(full_chain: Any) -> None:
    data, made = of_section(full_chain), full_chain.values
    assert data.get_exposure().target == ""
    assert data.get_image().data.shape == made["image"].shape
    assert data.get_image().header == made["image"].header
    np.testing.assert_array_equal(data.get_image().mask, made["image"].mask)
    assert data.get_sources().data.n_rows == data.get_sources().n_sources == 30
    assert data.get_psf().data.fwhm == data.get_psf().fwhm_pixel == 2.5
    assert data.get_background().data.mean_electron == 300.0
    assert data.get_wcs().data.crval == made["mapping"].crval
    assert data.get_matched_stars().n_rows == 9
    assert data.get_zp().data == made["photometry"]
    assert data.get_reference().is_coadd
    assert data.get_subtraction().data.shape == made["difference"].data.shape
    assert data.get_subtraction().product.score is not None
    assert data.get_detections().data.n_rows == 3
    assert data.get_cutouts().data.size == 11
    assert [row.row for row in data.get_measurements()] == [0, 1, 2]
    assert [score.score for score in data.get_scores()] == made["scores"]["score"].tolist()
    assert data.get_decisions()["row"].tolist() == [0, 1, 2, -1]


def test_image_stands_for_itself(full_chain: Any) -> None:
    with full_chain.store.database.read() as session:
        coadd = session.scalars(select(Image).where(Image.is_coadd)).one()
    data = DataStore(full_chain.store, image_id=coadd.id)
    assert (data.get_image().id, data.get_exposure(), data.get_subtraction()) == (coadd.id, None, None)
    assert data.get_wcs().data.n_stars == 9
    assert (data.get_measurements(), data.get_scores()) == ([], [])


def test_section_without_products_gives_nothing(new_chain: Any) -> None:
    data = of_section(new_chain())
    assert data.get_exposure() is not None
    found = (
        data.get_image(),
        data.get_sources(),
        data.get_subtraction(),
        data.get_detections(),
        data.get_reference(),
        data.get_matched_stars(),
        data.get_decisions(),
    )
    assert found == (None,) * 7
    assert (data.get_measurements(), data.get_scores()) == ([], [])
    assert data.get_provenance("extraction") is None


def test_processing_is_chosen_by_provenance_then_tag_then_time(new_chain: Any) -> None:
    chain = new_chain()
    chain.save("preprocessing")
    old, new = (chain.save("extraction", version).provenance for version in ("1.0", "2.0"))
    store = chain.store
    store.provenances.set_tag("dr1", "simcam", [old])

    def chosen(provenance: str | None = None, tag: str | None = None, **options: Any) -> str:
        source_list = of_section(chain, **options).get_sources(provenance, tag)
        with store.database.read() as session:
            return session.get(Product, source_list.id).identity

    first, second = (store_product(chain, provenance) for provenance in (old, new))
    assert chosen() == second
    assert chosen(provenance=old.id) == first
    assert chosen(tag="dr1") == first
    assert of_section(chain, tag="dr1").get_image() is None
    both = {"preprocessing": chain.records["image"].provenance.id, "extraction": old.id}
    assert chosen(provenances=both) == first
    assert chosen(provenance=new.id, provenances=both) == second


def test_products_of_an_older_image_are_found_by_their_provenance(new_chain: Any) -> None:
    chain = new_chain()
    old_image = chain.save("preprocessing").product_id
    old = chain.save("extraction").provenance
    new_image = chain.save("preprocessing", "2.0").product_id
    assert old_image != new_image
    chain.save("extraction", "2.0")
    data = of_section(chain)
    assert data.get_image().id == row_id(new_image)
    assert data.get_sources().image_id == row_id(new_image)
    assert data.get_sources(old.id).image_id == row_id(old_image)
    chain.store.provenances.set_tag("dr1", "simcam", [old])
    assert data.get_sources(tag="dr1").image_id == row_id(old_image)


def store_product(chain: Any, provenance: Provenance) -> str:
    wanted = select(Product.identity).where(Product.provenance_id == provenance.id)
    with chain.store.database.read() as session:
        return session.scalars(wanted).one()


def test_provenance_is_found_by_parameters(full_chain: Any) -> None:
    data = of_section(full_chain)
    expected = full_chain.records["sources"].provenance
    assert data.get_provenance("extraction") == expected
    assert data.get_provenance("extraction", {"threshold": 5}) == expected
    assert data.get_provenance("extraction", {"threshold": 6}) is None
    assert data.get_provenance("extraction", {"unknown": 5}) is None


def test_own_queries_read_only(full_chain: Any) -> None:
    with of_section(full_chain).session() as session:
        image = session.get(Image, row_id(full_chain.identities["image"]))
    assert image.filter == "r"


def test_deletion_tells_first_and_then_does_it(full_chain: Any) -> None:
    data = of_section(full_chain)
    planned = data.delete_from_disk_and_database(dry_run=True)
    assert len(planned.products) == 10
    assert data.get_image() is not None
    assert data.delete_from_disk_and_database() == planned
    assert data.get_image() is None
    assert data.get_exposure() is not None


def test_removed_files_leave_their_rows(full_chain: Any) -> None:
    data = of_section(full_chain)
    assert len(data.remove_data_from_disk()) == 12
    assert data.get_detections().n_sources == 3
    with pytest.raises(StoreError, match="is missing on this disk"):
        _ = data.get_detections().data


def test_what_is_meant_has_to_be_clear(store: Store) -> None:
    for options in ({}, {"section_id": "A"}, {"exposure_id": row_id("a")}):
        with pytest.raises(StoreError, match="give either"):
            DataStore(store, **options)


def test_store_goes_to_a_worker(full_chain: Any) -> None:
    copy = pickle.loads(pickle.dumps(full_chain.store))
    assert copy.products.load(full_chain.identities["detections"], "detections").n_rows == 3


def test_tag_names_one_provenance_a_process(store: Store) -> None:
    first, other = (Provenance("extraction", version, {}, {}) for version in ("1.0", "2.0"))
    photocal = Provenance("photocal", "1.0", {}, {})
    store.provenances.set_tag("current", "simcam", [first, photocal])
    store.provenances.set_tag("current", "simcam", [first])
    with pytest.raises(StoreError, match=r"'current' names provenance .* for extraction"):
        store.provenances.set_tag("current", "simcam", [other])
    assert store.provenances.tagged("current") == {
        "simcam": {"extraction": first.id, "photocal": photocal.id}
    }
    store.provenances.set_tag("current", "simcam", [other], replace=True)
    assert store.provenances.tags() == {
        "current": {"simcam": {"extraction": other.id, "photocal": photocal.id}}
    }
    assert store.provenances.get(other.id[:8]) == other
    with pytest.raises(StoreError, match="more than one provenance"):
        store.provenances.get("")
    with pytest.raises(StoreError, match=r"no provenance begins with 'zzz'"):
        store.provenances.get("zzz")
    assert store.provenances.listed("photocal") == [photocal]


def test_report_tells_how_a_run_went(store: Store, new_chain: Any) -> None:
    exposure_id = new_chain().observation.exposure_id
    code = store.reports.register_code({"seechange-core": "0.1"}, "abc")
    assert store.reports.register_code({"seechange-core": "0.1"}, "abc") == code
    started = store.reports.start(
        "A", code_version_id=code, command_line="seechange", exposure_id=exposure_id
    )
    with store.database.read() as session:
        assert session.get(Report, started).state == "running"
    store.reports.finish(
        started, state="rejected", step="astrocal", error="3 stars", seconds={"astrocal": 0.5}
    )
    latest = store.reports.latest(exposure_id)["A"]
    assert (latest.id, latest.state, latest.step, latest.error) == (
        started,
        "rejected",
        "astrocal",
        "3 stars",
    )
    assert latest.finished_at >= latest.started_at


def test_survey_of_the_environment_is_the_default(full_chain, monkeypatch):
    root = full_chain.store.files.root
    monkeypatch.setenv("SEECHANGE__STORAGE__ROOT", str(root))
    monkeypatch.setenv("SEECHANGE__DATABASE__URL", full_chain.store.database.url.render_as_string(False))
    monkeypatch.delenv("SEECHANGE_CONFIG", raising=False)
    data = DataStore(exposure_id=full_chain.observation.exposure_id, section_id="A")
    assert data.get_image().row.section == "A"
    data.store.database.close()

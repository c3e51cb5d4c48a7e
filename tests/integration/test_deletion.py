from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from seechange_core.errors import StoreError
from seechange_core.models import Base, Exposure, Measurements, Object, Product, Reference, row_id
from seechange_core.store import FileStore, LocalFolderArchive, Store
from seechange_core.store.deletion import delete_everything, plan_deletion, remove_data


def rows(store: Store, table: type[Base]) -> int:
    with store.database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_deleting_an_exposure_takes_all_that_was_made_from_it(full_chain: Any, rules: Any) -> None:
    store, exposure_id = full_chain.store, full_chain.observation.exposure_id
    store.associations.associate(full_chain.identities["measurements"], rules)
    raw = store.exposures.paths(store.exposures.get(exposure_id))
    n_files = len(store.files.present())
    planned = plan_deletion(store.database, [exposure_id])
    assert [process for process, _, _ in planned.products].count("subtraction") == 1
    assert (len(planned.products), len(planned.files), planned.exposures) == (10, 12, (exposure_id,))
    assert (rows(store, Product), rows(store, Object)) == (19, 3)

    deleted = delete_everything(store.database, store.files, [exposure_id])

    assert deleted == planned
    assert (rows(store, Product), rows(store, Object), rows(store, Measurements)) == (9, 0, 0)
    assert (rows(store, Exposure), rows(store, Reference)) == (1, 1)
    assert len(store.files.present()) == n_files - 12
    assert raw[0].exists()


def test_deleting_a_member_takes_the_reference_and_what_used_it(full_chain: Any) -> None:
    store = full_chain.store
    with store.database.read() as session:
        reference = session.scalars(select(Reference)).one()
        coadd_id = reference.image_id
    delete_everything(store.database, store.files, [coadd_id])
    assert rows(store, Reference) == 0
    with store.database.read() as session:
        left = set(session.scalars(select(Product.process)))
    assert left == {"preprocessing", "extraction", "astrocal", "photocal"}
    # What was left can be processed again, on another reference.
    assert store.products.find_by_anchor(full_chain.records["difference"].anchor) is None


def test_a_step_that_never_finished_can_choose_anew(full_chain: Any) -> None:
    store = full_chain.store
    with store.database.read() as session:
        reference = session.scalars(select(Reference)).one()
    store.products.bind("a step that was killed", {"reference": reference.identity})
    store.products.bind("another one", {"stars": "an excerpt"})
    delete_everything(store.database, store.files, [reference.image_id])
    assert store.products.binding("a step that was killed") is None
    assert store.products.binding("another one") == {"stars": "an excerpt"}


def test_object_keeps_measurements_of_other_exposures(
    full_chain: Any, new_chain: Callable[..., Any], rules: Any
) -> None:
    store = full_chain.store
    store.associations.associate(full_chain.identities["measurements"], rules)
    other = new_chain("other", mjd=60001.25)
    other.identities["reference"] = full_chain.identities["reference"]
    other.save_through("measuring")
    store.associations.associate(other.identities["measurements"], rules)
    delete_everything(store.database, store.files, [full_chain.observation.exposure_id])
    with store.database.read() as session:
        assert set(session.scalars(select(Measurements.object_id))) == set(session.scalars(select(Object.id)))
    assert (rows(store, Object), rows(store, Measurements)) == (3, 3)


def test_removed_data_come_back_from_the_archive(new_chain: Callable[..., Any], tmp_path: Any) -> None:
    chain = new_chain()
    archive = LocalFolderArchive(tmp_path / "archive")
    chain.store = Store(chain.store.database, FileStore(tmp_path / "data", archive))
    record = chain.save("preprocessing")
    removed = remove_data(chain.store.database, chain.store.files, [row_id(record.product_id)])
    assert len(removed) == 1
    assert chain.store.files.present() == []
    with pytest.raises(StoreError, match="archive was not asked"):
        chain.store.products.load(record.product_id, "image", download=False)
    assert chain.store.products.load(record.product_id, "image").shape == chain.values["image"].shape
    delete_everything(chain.store.database, chain.store.files, [row_id(record.product_id)])
    assert [path for path in archive.root.rglob("*") if path.is_file()] == []

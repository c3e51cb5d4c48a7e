from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from seechange_core.errors import StoreError
from seechange_core.models import Base, Exposure, Measurements, Object, Product, Reference, row_id
from seechange_core.models.sky_index import lock_cells
from seechange_core.store import Database, FileStore, LocalFolderArchive, Store
from seechange_core.store.associations import Associations
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


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_deletion_waits_for_who_decides_on_objects_nearby(full_chain: Any, rules: Any) -> None:
    """On SQLite there is one writer at a time anyway."""
    store = full_chain.store
    store.associations.associate(full_chain.identities["measurements"], rules)
    table = full_chain.values["measurements"]
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with ThreadPoolExecutor(1) as pool:
        with store.database.write(lock_cells(table["ra"], table["dec"], 0.0)):
            deletion = pool.submit(
                delete_everything, store.database, store.files, [full_chain.observation.exposure_id]
            )
            waits = False
            while not (waits or deletion.done()):
                with store.database.read() as session:
                    waits = session.scalar(waiting) > 0
        deletion.result()
    assert waits
    assert rows(store, Object) == 0


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_deletion_and_associations_at_once_leave_objects_right(
    full_chain: Any, new_chain: Callable[..., Any], at_once: Callable[..., list[Any]], rules: Any
) -> None:
    """One process deletes an exposure while another one associates a second one of the same place."""
    store = full_chain.store
    store.associations.associate(full_chain.identities["measurements"], rules)
    second = new_chain("second", mjd=60001.25)
    second.identities["reference"] = full_chain.identities["reference"]
    second.save_through("measuring")
    url, root = store.database.url.render_as_string(hide_password=False), store.files.root
    deletion = (url, root, full_chain.observation.exposure_id, "", rules)
    association = (url, root, None, second.identities["measurements"], rules)
    at_once(_delete_or_associate, deletion, association)
    with store.database.read() as session:
        joined = select(Measurements.ra, Object.ra).join(Object, Object.id == Measurements.object_id)
        places = session.execute(joined).all()
    assert (rows(store, Object), len(places)) == (3, 3)
    assert all(measured == pytest.approx(where, abs=1e-9) for measured, where in places)


def _delete_or_associate(url: str, root: Path, exposure_id: Any, product_id: str, rules: Any) -> None:
    database = Database(url)
    if exposure_id is not None:
        delete_everything(database, FileStore(root), [exposure_id])
    else:
        Associations(database).associate(product_id, rules)


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

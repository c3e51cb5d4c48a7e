from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from seechange_core.api import CatalogRegion, Params, StarCatalog, parameter
from seechange_core.errors import InputError
from seechange_core.frames import StarTable
from seechange_core.store import Database, FileStore, LocalFolderArchive, Store
from seechange_core.store.checking import check_files

REGION = CatalogRegion(150.0, 2.0, 0.25, 19.0)


class CountingParams(Params):
    calls: str = parameter(description="File that gets a line for each call.", critical=False)
    seconds: float = parameter(0.0, description="Time that a call takes.", unit="s", critical=False)


class Counting(StarCatalog):
    """A catalogue that tells how often it was asked."""

    name: ClassVar[str] = "counting"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = CountingParams

    def fetch(self, region: CatalogRegion) -> StarTable:
        with Path(self.params.calls).open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(self.params.seconds)
        return self.stars(region)

    def stars(self, region: CatalogRegion, mag_g: float = 15.0) -> StarTable:
        columns = {"id": ["s1"], "ra": [region.ra_deg], "dec": [region.dec_deg]}
        return StarTable(
            {**columns, "ra_error": [0.1], "dec_error": [0.1], "mag_g": [mag_g]}, {"epoch_mjd": 57388.0}
        )


class Revised(Counting):
    def stars(self, region: CatalogRegion, mag_g: float = 16.0) -> StarTable:
        return super().stars(region, mag_g)


class Unreachable(Counting):
    def fetch(self, region: CatalogRegion) -> StarTable:
        raise InputError("the catalogue's server does not answer")


def catalog(folder: Path, seconds: float = 0.0, kind: type[Counting] = Counting) -> Counting:
    return kind(CountingParams(calls=str(folder / "calls"), seconds=seconds))


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().split() if (folder / "calls").exists() else []


def get(url: str, root: Path, folder: Path, seconds: float) -> None:
    stars = Store(Database(url), FileStore(root)).excerpts.get(catalog(folder, seconds), REGION)
    assert stars.n_rows == 1


def test_excerpt_is_fetched_once(store: Store, tmp_path: Path) -> None:
    first = store.excerpts.get(catalog(tmp_path), REGION)
    again = Store(store.database, store.files).excerpts.get(catalog(tmp_path), REGION)
    assert len(calls(tmp_path)) == 1
    assert again.meta == {"epoch_mjd": 57388.0}
    for name, values in first.items():
        np.testing.assert_array_equal(again[name], values)
    store.excerpts.get(catalog(tmp_path), CatalogRegion(151.0, 2.0, 0.25, 19.0))
    assert len(calls(tmp_path)) == 2


class Sky(Counting):
    """A catalogue of a grid of stars."""

    name: ClassVar[str] = "sky"

    def fetch(self, region: CatalogRegion) -> StarTable:
        super().fetch(region)
        ra, dec = (grid.ravel() for grid in np.meshgrid(np.arange(149, 151, 0.02), np.arange(1, 3, 0.02)))
        number = np.arange(len(ra))
        columns = {"id": number.astype(str), "ra": ra, "dec": dec}
        columns |= {"ra_error": 0.1 * ra, "dec_error": 0.1 * dec, "mag_g": 15.0 + 0.618 * number % 6.0}
        return region.stars_of(StarTable(columns, {"epoch_mjd": 57388.0, "main_band": "g"}))


def test_larger_and_deeper_excerpt_serves_smaller_ones(store: Store, tmp_path: Path) -> None:
    large = store.excerpts.get(catalog(tmp_path, kind=Sky), CatalogRegion(150.0, 2.0, 0.5, 20.0))
    assert large.n_rows > 500
    region = CatalogRegion(150.1, 2.1, 0.25, 18.0)
    cut = Store(store.database, store.files).excerpts.get(catalog(tmp_path, kind=Sky), region)
    assert len(calls(tmp_path)) == 1
    fresh = catalog(tmp_path, kind=Sky).fetch(region)
    assert 0 < cut.n_rows < large.n_rows
    for name, values in fresh.items():
        np.testing.assert_array_equal(cut[name], values)
    assert cut.meta == fresh.meta


@pytest.mark.parametrize(
    "region",
    [
        CatalogRegion(150.3, 2.0, 0.25, 18.0),
        CatalogRegion(150.0, 2.0, 0.25, 19.5),
        CatalogRegion(150.0, 2.0, 0.55, 19.0),
    ],
)
def test_excerpt_that_lacks_a_part_does_not_serve(
    store: Store, tmp_path: Path, region: CatalogRegion
) -> None:
    store.excerpts.get(catalog(tmp_path, kind=Sky), CatalogRegion(150.0, 2.0, 0.5, 19.0))
    store.excerpts.get(catalog(tmp_path, kind=Sky), region)
    assert len(calls(tmp_path)) == 2


def test_lost_larger_excerpt_is_not_relied_on(store: Store, tmp_path: Path) -> None:
    store.excerpts.get(catalog(tmp_path, kind=Sky), CatalogRegion(150.0, 2.0, 0.5, 19.0))
    for file in (store.files.root / "excerpts" / "sky").iterdir():
        file.unlink()
    again = Store(store.database, store.files)
    assert again.excerpts.get(catalog(tmp_path, kind=Sky), CatalogRegion(150.0, 2.0, 0.2, 19.0)).n_rows > 0
    assert len(calls(tmp_path)) == 2


def test_excerpt_whose_file_is_lost_is_fetched_again(store: Store, tmp_path: Path) -> None:
    archive = LocalFolderArchive(tmp_path / "archive")
    files = FileStore(store.files.root, archive)
    Store(store.database, files).excerpts.get(catalog(tmp_path), REGION)
    (path,) = files.present()
    path.unlink()
    assert Store(store.database, files).excerpts.get(catalog(tmp_path), REGION).n_rows == 1
    assert len(calls(tmp_path)) == 1, "the archive had it"
    path.unlink()
    archive.delete(path.relative_to(files.root).as_posix())
    assert Store(store.database, files).excerpts.get(catalog(tmp_path), REGION).n_rows == 1
    assert len(calls(tmp_path)) == 2
    assert check_files(store.database, files) == []


def test_excerpt_that_comes_back_changed_is_the_one_that_is_known(store: Store, tmp_path: Path) -> None:
    store.excerpts.get(catalog(tmp_path), REGION)
    (path,) = store.files.present()
    path.unlink()
    for _ in range(2):
        fresh = Store(store.database, store.files).excerpts
        assert fresh.get(catalog(tmp_path, kind=Revised), REGION)["mag_g"] == [16.0]
    assert len(calls(tmp_path)) == 2
    assert check_files(store.database, store.files) == []


def test_failure_is_not_remembered(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not answer"):
        store.excerpts.get(catalog(tmp_path, kind=Unreachable), REGION)
    assert store.excerpts.get(catalog(tmp_path), REGION).n_rows == 1


def test_processes_that_want_the_same_wait_for_one(
    store: Store, tmp_path: Path, at_once: Callable[..., list[Any]]
) -> None:
    store.excerpts.get(catalog(tmp_path), CatalogRegion(10.0, 2.0, 0.25, 19.0))
    arguments = (store.database.url.render_as_string(hide_password=False), store.files.root, tmp_path, 0.5)
    at_once(get, arguments, arguments)
    assert len(calls(tmp_path)) == 2


def test_process_that_dies_holds_up_nobody(store: Store, tmp_path: Path) -> None:
    url = store.database.url.render_as_string(hide_password=False)
    dying = multiprocessing.get_context("spawn").Process(
        target=get, args=(url, store.files.root, tmp_path, 600.0)
    )
    dying.start()
    deadline = time.monotonic() + 60
    while not calls(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(dying.pid, signal.SIGKILL)
    dying.join()
    assert store.excerpts.get(catalog(tmp_path), REGION).n_rows == 1
    assert len(calls(tmp_path)) == 2

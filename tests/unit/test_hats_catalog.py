"""Star catalogues in the HATS layout: what is read, and of which partitions."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from seechange_core.api import CatalogRegion, InputError
from seechange_core.builtin.catalog_hats import HatsCatalog, HatsParams
from seechange_core.builtin.hats_files import cone_ranges, partitions, touched
from tests.hats_folder import write_hats

N_STARS = 40_000
CENTRE = (0.0, -30.0)


def gaia_columns(seed: int) -> dict[str, np.ndarray]:
    """Stars in 12 x 10 degrees across right ascension 0."""
    rng = np.random.default_rng(seed)
    ra = (CENTRE[0] + rng.uniform(-6, 6, N_STARS)) % 360.0
    dec = CENTRE[1] + rng.uniform(-5, 5, N_STARS)
    return {
        "source_id": np.arange(N_STARS) + 4008355572763257088,
        "ra": ra,
        "dec": dec,
        "pmra": np.where(rng.random(N_STARS) < 0.1, np.nan, rng.normal(0, 5, N_STARS)),
        "pmdec": rng.normal(0, 5, N_STARS),
        "ref_epoch": np.full(N_STARS, 2016.0),
        "phot_g_mean_mag": rng.uniform(12, 21, N_STARS),
        "phot_bp_mean_mag": rng.uniform(12, 21, N_STARS),
        "random_index": rng.random(N_STARS),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hats")
    write_hats(path, gaia_columns(1))
    return path


def catalog(path: Path, **params: object) -> HatsCatalog:
    return HatsCatalog(HatsParams(path=str(path), **params))


def expected(columns: dict[str, np.ndarray], region: CatalogRegion) -> set[str]:
    ra, dec, ra_0, dec_0 = (
        np.radians(value) for value in (columns["ra"], columns["dec"], region.ra_deg, region.dec_deg)
    )
    cosine = np.sin(dec) * np.sin(dec_0) + np.cos(dec) * np.cos(dec_0) * np.cos(ra - ra_0)
    near = np.degrees(np.arccos(np.clip(cosine, -1, 1))) <= region.radius_deg
    bright = columns["phot_g_mean_mag"] < region.magnitude_limit
    return set(columns["source_id"][near & bright].astype(str))


@pytest.mark.parametrize("radius_deg", [0.15, 0.5, 3.0])
@pytest.mark.parametrize("ra_deg", [0.0, 359.7, 3.0])
def test_all_stars_of_a_cone_and_no_others(folder: Path, ra_deg: float, radius_deg: float) -> None:
    region = CatalogRegion(ra_deg, -30.2, radius_deg, 19.0)
    stars = catalog(folder).fetch(region)
    assert set(stars["id"]) == expected(gaia_columns(1), region)
    assert stars.n_rows == len(set(stars["id"]))
    assert stars.meta["epoch_mjd"] == pytest.approx(51544.5 + 16 * 365.25)
    assert stars.meta["catalog"] == "gaia"
    assert "mag_BP" in stars
    assert "random_index" not in stars


def test_without_index_or_list_the_same_is_found(folder: Path, tmp_path: Path) -> None:
    write_hats(tmp_path, gaia_columns(1), with_index=False)
    (tmp_path / "partition_info.csv").unlink()
    region = CatalogRegion(0.5, -29.0, 0.7, 20.0)
    with_index, without = catalog(folder).fetch(region), catalog(tmp_path).fetch(region)
    for name, values in with_index.items():
        np.testing.assert_array_equal(without[name], values)


def test_only_partitions_that_the_cone_touches_are_read(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    region = CatalogRegion(0.5, -29.0, 0.3, 20.0)
    read = touched(partitions(copy), cone_ranges(region))
    assert 0 < len(read) < len(partitions(copy))
    for order, pixel in set(partitions(copy)) - set(read):
        next((copy / "dataset" / f"Norder={order}").glob(f"Dir=*/Npix={pixel}.parquet")).unlink()
    assert set(catalog(copy).fetch(region)["id"]) == expected(gaia_columns(1), region)


def test_smaller_region_is_part_of_a_larger_one(folder: Path) -> None:
    small, large = CatalogRegion(0.2, -30.0, 0.3, 18.0), CatalogRegion(0.0, -30.0, 0.9, 20.0)
    assert large.covers(small)
    cut = small.stars_of(catalog(folder).fetch(large))
    fresh = catalog(folder).fetch(small)
    for name, values in fresh.items():
        np.testing.assert_array_equal(cut[name], values)


def test_partition_may_be_a_folder(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for path in list(copy.rglob("Npix=*.parquet")):
        table = pq.read_table(path, partitioning=None)
        path.unlink()
        path.with_suffix("").mkdir()
        half = table.num_rows // 2
        pq.write_table(table.slice(0, half), path.with_suffix("") / "part0.parquet")
        pq.write_table(table.slice(half), path.with_suffix("") / "part1.parquet")
    with (copy / "hats.properties").open("a") as file:
        file.write("hats_npix_suffix=/\n")
    region = CatalogRegion(0.5, -29.0, 0.3, 20.0)
    assert set(catalog(copy).fetch(region)["id"]) == expected(gaia_columns(1), region)


def test_identity_is_of_the_description(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert catalog(folder).fingerprint() == catalog(copy).fingerprint()
    with (copy / "hats.properties").open("a") as file:
        file.write("hats_creation_date=2026-01-01T00:00UTC\n")
    assert catalog(folder).fingerprint() != catalog(copy).fingerprint()


def test_errors_say_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    region = CatalogRegion(0.5, -29.0, 0.3, 20.0)
    with pytest.raises(InputError, match=r"has no hats\.properties"):
        catalog(tmp_path).fetch(region)
    with pytest.raises(InputError, match="does not reach there"):
        catalog(folder).fetch(CatalogRegion(180.0, 60.0, 0.3, 20.0))
    with pytest.raises(InputError, match="no column nonsense; it has"):
        catalog(folder, columns={"mag_r": "nonsense"}).fetch(region)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for path in copy.rglob("Npix=*.parquet"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"Npix=\d+\.parquet cannot be read"):
        catalog(copy).fetch(region)


def test_epoch_of_a_catalogue_that_does_not_say(tmp_path: Path) -> None:
    columns = gaia_columns(1)
    del columns["ref_epoch"]
    write_hats(tmp_path, columns)
    region = CatalogRegion(0.5, -29.0, 0.3, 20.0)
    with pytest.raises(InputError, match="need an epoch"):
        catalog(tmp_path).fetch(region)
    assert catalog(tmp_path, epoch_year=2015.5).fetch(region).meta["epoch_mjd"] == pytest.approx(57205.875)

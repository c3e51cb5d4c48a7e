"""Star catalogues from files, their epochs, and the regions that steps ask for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from seechange_core.api import CatalogRegion, InputError
from seechange_core.builtin.catalog_file import FileCatalog, FileCatalogParams
from seechange_core.builtin.catalog_gaia import GaiaDr3, GaiaParams
from seechange_core.builtin.catalog_survey import Survey, SurveyParams
from seechange_core.builtin.gaia_query import adql
from seechange_core.builtin.survey_query import SURVEYS, survey_stars
from seechange_core.frames import SkyMapping, StarTable
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.steps.catalog_region import region_of

J2016 = 51544.5 + 16 * 365.25


def gaia_table(ra: list[float], dec: list[float]) -> Table:
    n = len(ra)
    return Table(
        {
            "source_id": np.arange(n) + 4008355572763257088,
            "ra": ra,
            "dec": dec,
            "ra_error": np.full(n, 0.1, np.float32),
            "dec_error": np.full(n, 0.2, np.float32),
            "pmra": np.full(n, 10.0, np.float32),
            "pmdec": np.full(n, -5.0, np.float32),
            "ref_epoch": np.full(n, 2016.0, np.float32),
            "phot_g_mean_mag": np.linspace(15, 20, n).astype(np.float32),
            "phot_g_mean_flux_over_error": np.full(n, 100.0, np.float32),
        }
    )


def catalog(path: Path, **columns: str) -> FileCatalog:
    return FileCatalog(FileCatalogParams(path=str(path), columns=columns))


def test_folder_of_gaia_files_is_one_catalogue(tmp_path: Path) -> None:
    gaia_table([359.99, 0.01, 5.0], [0.0, 0.0, 0.0]).write(tmp_path / "b.fits")
    gaia_table([0.02], [0.01]).write(tmp_path / "a.fits")
    stars = catalog(tmp_path).fetch(CatalogRegion(0.0, 0.0, 0.1, 21.0))
    assert stars["ra"].tolist() == [0.02, 359.99, 0.01]
    assert stars.meta["epoch_mjd"] == pytest.approx(J2016)
    assert stars["id"][1] == "4008355572763257088"
    assert stars["mag_G_error"] == pytest.approx(np.full(3, 0.0108574), rel=1e-4)
    assert stars.meta["system"] == {"G": "vega"}


def test_magnitude_limit_and_empty_region(tmp_path: Path) -> None:
    gaia_table([10.0, 10.0], [5.0, 5.0]).write(tmp_path / "stars.ecsv")
    assert catalog(tmp_path / "stars.ecsv").fetch(CatalogRegion(10.0, 5.0, 0.1, 16.0)).n_rows == 1
    nothing = catalog(tmp_path / "stars.ecsv").fetch(CatalogRegion(200.0, 5.0, 0.1, 16.0))
    assert nothing.n_rows == 0
    assert "mag_G" in nothing


def test_region_at_the_pole(tmp_path: Path) -> None:
    gaia_table([0.0, 90.0, 180.0, 270.0, 30.0], [89.99, 89.99, 89.99, 89.99, 89.8]).write(
        tmp_path / "stars.fits"
    )
    assert catalog(tmp_path / "stars.fits").fetch(CatalogRegion(123.0, 90.0, 0.011, 25.0)).n_rows == 4


def test_own_names_and_epoch_in_the_header(tmp_path: Path) -> None:
    table = fits.BinTableHDU(Table({"RAJ2000": [1.0], "DEJ2000": [2.0], "rmag": [17.5], "G": [17.0]}))
    table.header["EPOCH"] = 57000.0
    table.writeto(tmp_path / "stars.fits")
    named = catalog(tmp_path / "stars.fits", ra="RAJ2000", dec="DEJ2000", mag_r="rmag", mag_G="G")
    stars = named.fetch(CatalogRegion(1.0, 2.0, 0.1, 25.0))
    assert stars.meta["epoch_mjd"] == 57000.0
    assert stars.meta["system"] == {"r": "ab", "G": "vega"}
    with pytest.raises(InputError, match="no column nonsense; it has RAJ2000"):
        catalog(tmp_path / "stars.fits", ra="nonsense").fetch(CatalogRegion(1.0, 2.0, 0.1, 25.0))


def test_motion_without_epoch_is_an_error(tmp_path: Path) -> None:
    table = gaia_table([1.0], [1.0])
    table.remove_column("ref_epoch")
    table.write(tmp_path / "stars.fits")
    with pytest.raises(InputError, match="need an epoch"):
        catalog(tmp_path / "stars.fits").fetch(CatalogRegion(1.0, 1.0, 1.0, 25.0))


def test_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        gaia_table([1.0], [1.0]).write(tmp_path / folder / "stars.ecsv")
    one, two = catalog(tmp_path / "one"), catalog(tmp_path / "two")
    region = CatalogRegion(1.0, 1.0, 1.0, 25.0)
    assert one.excerpt_id(region) == two.excerpt_id(region)
    gaia_table([2.0], [1.0]).write(tmp_path / "two" / "stars.ecsv", overwrite=True)
    assert one.excerpt_id(region) != two.excerpt_id(region)


@pytest.mark.parametrize("content", [b"", b"SIMPLE  =                    T", b"nonsense"])
def test_broken_file_names_itself(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "stars.fits").write_bytes(content)
    with pytest.raises(InputError, match=r"stars\.fits"):
        catalog(tmp_path / "stars.fits").fetch(CatalogRegion(1.0, 1.0, 1.0, 25.0))


def test_missing_file_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"catalog\.file\.path"):
        catalog(tmp_path / "none.fits").fetch(CatalogRegion(1.0, 1.0, 1.0, 25.0))


def test_gaia_that_cannot_be_reached_is_an_input_error() -> None:
    unreachable = GaiaDr3(GaiaParams(url="http://127.0.0.1:9/tap"))
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9.*local copy"):
        unreachable.fetch(CatalogRegion(1.0, 1.0, 0.1, 18.0))


def test_survey_that_cannot_be_reached_is_an_input_error() -> None:
    unreachable = Survey(SurveyParams(name="panstarrs", server="127.0.0.1:9"))
    with pytest.raises(InputError, match=r"panstarrs cannot be had from 127\.0\.0\.1:9.*local copy"):
        unreachable.fetch(CatalogRegion(1.0, 1.0, 0.1, 18.0))


@pytest.mark.parametrize("name", SURVEYS)
def test_survey_table_becomes_stars(name: str) -> None:
    survey = SURVEYS[name]
    assert set(survey.filters) <= {"flags"}
    assert survey.limiting in survey.columns.values()
    table = Table({own: [2.0, 1.0] for own in survey.columns.values()})
    stars = survey_stars(name, table)
    assert stars["dec"].tolist() == [1.0, 2.0]
    assert stars.meta["catalog"] == name
    assert stars.meta["epoch_mjd"] == pytest.approx(51544.5 + (survey.epoch_year - 2000) * 365.25)
    for band in "griz":
        assert stars.meta["system"][band] == "ab"
        assert stars[f"mag_{band}_error"].tolist() == [1.0, 2.0]
    in_arcsec = "ra_error" in survey.arcsec
    assert stars["ra_error"].max() == (2000.0 if in_arcsec else 0.0)


def test_gaia_query_is_ordered_and_bounded() -> None:
    query = adql(CatalogRegion(1.25, -2.5, 0.5, 20.5))
    assert "CIRCLE('ICRS', 1.25000000, -2.50000000, 0.50000000)" in query
    assert "phot_g_mean_mag < 20.5000" in query
    assert query.endswith("ORDER BY source_id")


def stars_at(ra: float, dec: float, pmra: float, pmdec: float) -> StarTable:
    one = np.ones(1)
    columns = {"id": ["1"], "ra": [ra], "dec": [dec], "ra_error": 0 * one, "dec_error": 0 * one}
    motion = {"pmra": pmra * one, "pmdec": pmdec * one, "pmra_error": one, "pmdec_error": one}
    return StarTable(columns | motion, {"epoch_mjd": J2016})


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (359.9999999, 45.0), (100.0, -89.9999), (10.0, 90.0)])
def test_motion_agrees_with_astropy(ra: float, dec: float) -> None:
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

    mjd = J2016 + 10 * 365.25
    moved = at_epoch(stars_at(ra, dec, 3000.0, -2000.0), mjd)
    start = SkyCoord(
        ra * u.deg,
        dec * u.deg,
        pm_ra_cosdec=3000 * u.mas / u.yr,
        pm_dec=-2000 * u.mas / u.yr,
        distance=1 * u.Mpc,
        obstime=Time(J2016, format="mjd", scale="tdb"),
    )
    wanted = start.apply_space_motion(Time(mjd, format="mjd", scale="tdb"))
    found = SkyCoord(moved["ra"][0] * u.deg, moved["dec"][0] * u.deg)
    assert found.separation(wanted).mas < 1.0
    assert 0 <= moved["ra"][0] < 360
    assert moved["ra_error"][0] == pytest.approx(10.0)
    assert moved.meta["epoch_mjd"] == mjd


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (359.9999999, 45.0), (100.0, -89.9999)])
def test_parallax_agrees_with_astropy(ra: float, dec: float) -> None:
    import astropy.units as u
    from astropy.coordinates import ICRS, SkyCoord, get_body_barycentric
    from astropy.time import Time

    mjd, parallax = J2016 + 1.7 * 365.25, 768.0
    stars = stars_at(ra, dec, -3000.0, 2000.0).with_columns(parallax=[parallax], parallax_error=[0.05])
    moved = at_epoch(stars, mjd)
    start = SkyCoord(
        ra * u.deg,
        dec * u.deg,
        pm_ra_cosdec=-3000 * u.mas / u.yr,
        pm_dec=2000 * u.mas / u.yr,
        distance=(parallax * u.mas).to(u.pc, u.parallax()),
        obstime=Time(J2016, format="mjd", scale="tdb"),
    )
    time = Time(mjd, format="mjd", scale="tdb")
    seen = start.apply_space_motion(time).cartesian.without_differentials() - get_body_barycentric(
        "earth", time
    )
    wanted = SkyCoord(ICRS(seen))
    found = SkyCoord(moved["ra"][0] * u.deg, moved["dec"][0] * u.deg)
    assert found.separation(wanted).mas < 1.0
    assert SkyCoord(ra * u.deg, dec * u.deg).separation(found).mas > 1000.0
    assert "parallax" not in moved
    again = at_epoch(moved, mjd)
    assert SkyCoord(again["ra"][0] * u.deg, again["dec"][0] * u.deg).separation(found).mas < 0.01


def test_parallax_within_its_error_is_not_believed() -> None:
    stars = stars_at(10.0, 20.0, 0.0, 0.0).with_columns(parallax=[2.0], parallax_error=[1.0])
    assert at_epoch(stars, J2016)["dec"][0] == pytest.approx(20.0, abs=1e-12)


def test_unknown_motion_leaves_a_star_where_it_is() -> None:
    stars = stars_at(10.0, 20.0, np.nan, np.nan)
    assert at_epoch(stars, J2016 + 3650)["ra"][0] == pytest.approx(10.0, abs=1e-12)
    assert stars.meta["epoch_mjd"] == J2016


@pytest.mark.parametrize("dec", [0.0, -60.0, 89.9, -90.0])
@pytest.mark.parametrize("ra", [0.0, 359.99, 123.4])
def test_region_holds_the_image_and_its_margin(ra: float, dec: float) -> None:
    scale = 0.26 / 3600
    mapping = SkyMapping((ra, dec), (1023.5, 2047.5), np.diag([-scale, scale]))
    region = region_of(mapping, (4096, 2048), 0.05, 20.0)
    wide = SkyMapping((ra, dec), (1023.5, 2047.5), mapping.cd * (1 + 0.05 / (0.5 * 4096 * scale)))
    corner_ra, corner_dec = wide.footprint((4096, 2048))
    centre = np.array([np.cos(np.radians(region.dec_deg)), np.sin(np.radians(region.dec_deg))])
    cosine = centre[1] * np.sin(np.radians(corner_dec)) + centre[0] * np.cos(np.radians(corner_dec)) * np.cos(
        np.radians(corner_ra - region.ra_deg)
    )
    assert np.degrees(np.arccos(cosine)).max() < region.radius_deg + 0.03
    assert region.radius_deg <= 0.75


def test_neighbouring_images_share_a_region() -> None:
    scale = 0.26 / 3600
    one, two = (
        region_of(
            SkyMapping((ra, 10.0), (1023.5, 2047.5), np.diag([-scale, scale])), (4096, 2048), 0.05, 20.0
        )
        for ra in (150.0, 150.03)
    )
    assert one == two

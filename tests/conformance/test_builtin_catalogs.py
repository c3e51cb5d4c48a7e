"""The core's own star catalogues pass what plugins have to pass."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.units import Quantity

from seechange_core.builtin import gaia_query, survey_query
from seechange_core.builtin.catalog_file import FileCatalog
from seechange_core.builtin.catalog_gaia import GaiaDr3
from seechange_core.builtin.catalog_hats import HatsCatalog
from seechange_core.builtin.catalog_survey import Survey
from seechange_core.frames import StarTable
from seechange_core.frames.mapping import separation_deg
from seechange_core.testing import StarCatalogConformance
from tests.hats_folder import write_hats


class TestFileCatalog(StarCatalogConformance):
    component = FileCatalog

    def holding(self, stars: StarTable, folder: Path) -> FileCatalog:
        table = Table(dict(stars), meta={"EPOCH": stars.meta["epoch_mjd"]})
        table.write(folder / "stars.fits")
        return FileCatalog(FileCatalog.Params(path=str(folder)))


class TestHatsCatalog(StarCatalogConformance):
    component = HatsCatalog

    def holding(self, stars: StarTable, folder: Path) -> HatsCatalog:
        epoch_year = 2000.0 + (stars.meta["epoch_mjd"] - 51544.5) / 365.25
        write_hats(folder, dict(stars) | {"ref_epoch": np.full(stars.n_rows, epoch_year)})
        return HatsCatalog(HatsCatalog.Params(path=str(folder)))


class AnsweringTap:
    """Stands for Gaia's archive: answers its query with stars of ours."""

    stars: StarTable

    def __init__(self, url: str) -> None:
        assert url.startswith("https://")

    def launch_job_async(self, query: str) -> AnsweringTap:
        cone = re.search(r"CIRCLE\('ICRS', ([-\d.]+), ([-\d.]+), ([-\d.]+)\)", query)
        limit = re.search(r"phot_g_mean_mag < ([\d.]+)", query)
        assert cone
        assert limit
        self._chosen = chosen(self.stars, *map(float, cone.groups()), "mag_G", float(limit[1]))
        self._columns = query.split("SELECT ")[1].split(" FROM", maxsplit=1)[0].split(", ")
        return self

    def get_results(self) -> Table:
        stars = self._chosen
        answer = {name: stars[name] for name in ("ra", "dec", "ra_error", "dec_error", "pmra", "pmdec")}
        answer |= {
            "source_id": [int(name.removeprefix("star-")) for name in stars["id"]],
            "ref_epoch": np.full(stars.n_rows, 2016.0),
            "phot_g_mean_mag": stars["mag_G"],
            "phot_variable_flag": ["NOT_AVAILABLE"] * stars.n_rows,
        }
        nothing = np.full(stars.n_rows, np.nan)
        table = Table({name: answer.get(name, nothing) for name in self._columns})
        table.sort("source_id")
        return table


class TestGaiaDr3(StarCatalogConformance):
    component = GaiaDr3

    @pytest.fixture(autouse=True)
    def answered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gaia_query, "TapPlus", AnsweringTap)

    def holding(self, stars: StarTable, folder: Path) -> GaiaDr3:
        AnsweringTap.stars = stars
        return GaiaDr3()


class AnsweringVizier:
    """Stands for VizieR: answers with stars of ours under the names of Refcat2."""

    stars: StarTable

    def __init__(
        self, columns: list[str], column_filters: dict[str, str], row_limit: int, vizier_server: str
    ) -> None:
        assert row_limit == -1
        self._columns, self._limit = columns, float(column_filters["rmag"].removeprefix("<"))

    def query_region(self, centre: SkyCoord, radius: Quantity, catalog: str) -> list[Table]:
        assert catalog == "J/ApJ/867/105/refcat2"
        stars = chosen(
            self.stars, centre.ra.deg, centre.dec.deg, radius.to_value("deg"), "mag_r", self._limit
        )
        answer = {
            "RA_ICRS": stars["ra"],
            "DE_ICRS": stars["dec"],
            "pmRA": stars["pmra"],
            "pmDE": stars["pmdec"],
            "rmag": stars["mag_r"],
        }
        nothing = np.full(stars.n_rows, np.nan)
        table = Table({name: answer.get(name, nothing) for name in self._columns})
        return [table] if len(table) else []


class TestSurvey(StarCatalogConformance):
    component = Survey
    main_band = "r"
    epoch_mjd = 51544.5 + 15.5 * 365.25

    @pytest.fixture(autouse=True)
    def answered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(survey_query, "VizierClass", AnsweringVizier)

    def holding(self, stars: StarTable, folder: Path) -> Survey:
        AnsweringVizier.stars = stars
        return Survey(Survey.Params(name="refcat2"))


def chosen(stars: StarTable, ra: float, dec: float, radius_deg: float, band: str, limit: float) -> StarTable:
    """Return the stars of a cone that are brighter than a limit, as a service would."""
    near = separation_deg(ra, dec, stars["ra"], stars["dec"]) <= radius_deg
    return stars.rows(near & (stars[band] < limit))

"""The core's own star catalogues pass what plugins have to pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.table import Table

from seechange_core.api import CatalogRegion, StarCatalog
from seechange_core.builtin.catalog_file import FileCatalog
from seechange_core.builtin.catalog_gaia import GaiaDr3
from seechange_core.builtin.catalog_survey import Survey
from seechange_core.frames import StarTable
from seechange_core.testing import StarCatalogConformance


class TestFileCatalog(StarCatalogConformance):
    component = FileCatalog

    def holding(self, stars: StarTable, folder: Path) -> FileCatalog:
        table = Table(dict(stars), meta={"EPOCH": stars.meta["epoch_mjd"]})
        table.write(folder / "stars.fits")
        return FileCatalog(FileCatalog.Params(path=str(folder)))


class Unreached(StarCatalogConformance):
    """The contract alone: what these services hold is not known, and no test asks a network."""

    def run(self, component: StarCatalog, given: CatalogRegion) -> StarTable:
        pytest.skip("no test asks a network")


class TestGaiaDr3(Unreached):
    component = GaiaDr3


class TestSurvey(Unreached):
    component = Survey

"""The survey of the simulated camera that the demonstration runs on."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from seechange_core.builtin.simulated_survey import SurveyFiles, truth_path, write_survey

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def survey(survey_files: SurveyFiles, tmp_path_factory: pytest.TempPathFactory) -> SurveyFiles:
    """Of which files can be removed."""
    folder = tmp_path_factory.mktemp("survey") / "raw"
    shutil.copytree(survey_files.truth.parent, folder)
    return write_survey(folder, seed=1)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_interrupted_survey_is_completed_with_the_same_bytes(survey: SurveyFiles) -> None:
    lost = (
        survey.bias[3],
        survey.flats[1],
        survey.new[0],
        truth_path(survey.new[0]),
        survey.catalog,
        survey.truth,
    )
    before = {path: digest(path) for path in survey.all}
    for path in lost:
        path.unlink()
    write_survey(survey.truth.parent, seed=1)
    assert {path: digest(path) for path in survey.all} == before
    assert len(list(survey.truth.parent.iterdir())) == len(survey.all)


def test_transients_have_the_promised_significance(survey: SurveyFiles) -> None:
    table = Table.read(survey.truth, "TRANSIENTS")
    bright = table[table["best_snr"] > 10]
    faint = table[(table["best_snr"] > 5) & (table["best_snr"] < 10)]
    assert (len(bright), len(faint), len(table)) == (100, 30, 130)
    assert bright["on_galaxy"].sum() == 50
    assert np.allclose(table["expected_snr"].max(axis=1), table["best_snr"])
    assert len(np.unique(table["id"])) == 130


def test_transients_keep_their_distances(survey: SurveyFiles) -> None:
    for path in survey.new:
        truth = Table.read(truth_path(path))
        for section in ("C1", "C2"):
            here = truth[truth["section"] == section]
            placed = here[here["kind"] == "transient"]
            assert len(placed) == 65
            assert ((placed["x"] > 40) & (placed["x"] < 984) & (placed["y"] > 40) & (placed["y"] < 984)).all()
            stars = here[(here["kind"] == "star") & (here["flux"] > 2e5)]
            distance = np.hypot(placed["x"][:, None] - stars["x"], placed["y"][:, None] - stars["y"])
            assert distance.min() > 35


def test_reference_has_no_light_of_transients(survey: SurveyFiles) -> None:
    truth = Table.read(truth_path(survey.reference[-1]))
    assert truth["flux"][truth["kind"] == "transient"].max() < 1e-3


def test_catalog_is_gaia_like(survey: SurveyFiles) -> None:
    catalog = Table.read(survey.catalog)
    assert {"id", "ra", "dec", "ra_error", "pmra", "pmdec", "mag_G", "mag_BP", "mag_RP", "mag_r"} <= set(
        catalog.colnames
    )
    assert catalog.meta["EPOCH"] == pytest.approx(57388.5)
    assert 150 < len(catalog) < 600

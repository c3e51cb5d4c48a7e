"""What is wrong with one section ends that section, says why, and leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from seechange_core.models import Product
from seechange_core.runner.section_report import exit_status

Spoil = Callable[[fits.HDUList], None]


@pytest.fixture
def spoiled(new_exposure: Path, tmp_path: Path) -> Callable[[Spoil], Path]:
    """Make a copy of the new exposure with a fault: ``spoiled(change)``."""

    def write(change: Spoil) -> Path:
        path = tmp_path / "simcam_20260301_099.fits"
        with fits.open(new_exposure) as hdus:
            change(hdus)
            hdus.writeto(path)
        return path

    return write


def ended(survey: Any, *paths: Path, **options: Any) -> dict[str, Any]:
    """Process all sections through photocal and return the reports by section."""
    options = {"sections": (), "through": "photocal", **options}
    return {report.section: report for report in survey.process(paths, **options)}


def test_truncated_file(survey: Any, new_exposure: Path, tmp_path: Path) -> None:
    path = tmp_path / "simcam_20260301_099.fits"
    content = new_exposure.read_bytes()
    path.write_bytes(content[: len(content) * 4 // 5])
    reports = ended(survey, path)
    assert reports["C1"].state == "done"
    assert (reports["C2"].state, reports["C2"].step) == ("failed", "preprocessing")
    assert str(path) in reports["C2"].reason
    assert "truncated" in reports["C2"].reason
    assert exit_status(list(reports.values()), strict=False) == 1


def test_file_that_is_cut_within_its_header(survey: Any, new_exposure: Path, tmp_path: Path) -> None:
    path = tmp_path / "simcam_20260301_099.fits"
    path.write_bytes(new_exposure.read_bytes()[:1000])
    reports = survey.process([path, new_exposure], sections=("C1",), through="photocal")
    states = {report.exposure: report.state for report in reports}
    assert states == {path.name: "failed", new_exposure.name: "done"}
    (failed,) = (report for report in reports if report.state == "failed")
    assert (failed.step, failed.section) == ("registration", "-")
    assert str(path) in failed.reason


def test_missing_extension(survey: Any, spoiled: Callable[[Spoil], Path]) -> None:
    def drop(hdus: fits.HDUList) -> None:
        del hdus["C2"]

    path = spoiled(drop)
    reports = ended(survey, path)
    assert reports["C1"].state == "done"
    assert (reports["C2"].state, reports["C2"].step) == ("failed", "preprocessing")
    assert str(path) in reports["C2"].reason
    assert "C2" in reports["C2"].reason


def test_nan_pixels_are_masked(survey: Any, spoiled: Callable[[Spoil], Path]) -> None:
    def spoil(hdus: fits.HDUList) -> None:
        pixels = hdus["C1"].data.astype(np.float32)
        pixels[100:200, 100:200] = np.nan
        hdus["C1"] = fits.ImageHDU(pixels, _plain(hdus["C1"].header), name="C1")

    report = ended(survey, spoiled(spoil))["C1"]
    assert (report.state, report.reason) == ("done", "")
    usable = report.steps[1].metrics["usable_fraction"]
    assert 0.97 < usable < 1 - 100 * 100 / 1024**2


@pytest.mark.parametrize("value", [np.nan, 65535.0], ids=["all NaN", "all saturated"])
def test_section_without_a_good_pixel_is_rejected(
    survey: Any, spoiled: Callable[[Spoil], Path], value: float
) -> None:
    def spoil(hdus: fits.HDUList) -> None:
        pixels = np.full(hdus["C1"].data.shape, value, np.float32)
        hdus["C1"] = fits.ImageHDU(pixels, _plain(hdus["C1"].header), name="C1")

    reports = ended(survey, spoiled(spoil))
    assert reports["C2"].state == "done"
    assert reports["C1"].state == "rejected", reports["C1"].reason
    assert reports["C1"].step == "preprocessing"
    assert "every pixel of the section is masked" in reports["C1"].reason
    assert exit_status(list(reports.values()), strict=False) == 0
    assert exit_status(list(reports.values()), strict=True) == 1


def test_header_without_time(survey: Any, new_exposure: Path, spoiled: Callable[[Spoil], Path]) -> None:
    def drop(hdus: fits.HDUList) -> None:
        del hdus[0].header["DATE-OBS"]

    path = spoiled(drop)
    reports = survey.process([path, new_exposure], sections=("C1",), through="photocal")
    (failed,) = (report for report in reports if report.exposure == path.name)
    assert (failed.state, failed.step) == ("failed", "registration")
    assert str(path) in failed.reason
    assert "DATE-OBS" in failed.reason
    assert [report.state for report in reports if report.exposure == new_exposure.name] == ["done"]


def test_catalogue_without_stars(survey: Any, new_exposure: Path, tmp_path: Path) -> None:
    stars = Table.read(survey.files.catalog, hdu="STARS")
    empty = tmp_path / "empty.fits"
    stars[:0].write(empty)
    assignments = [f"{process}.catalog.file.path={empty}" for process in ("astrocal", "photocal")]
    (report,) = survey.process([new_exposure], *assignments, through="photocal")
    assert (report.state, report.step) == ("rejected", "astrocal")
    assert "0 catalogue stars" in report.reason


def test_missing_calibration_frame_is_named(survey: Any, new_exposure: Path) -> None:
    calibrations = survey.services().store.calibrations
    for identity, _ in calibrations.listed():
        calibrations.retire(identity)
    (report,) = survey.process([new_exposure])
    assert (report.state, report.step) == ("failed", "preprocessing")
    assert "no bias of simcam C1 is valid on MJD 61101" in report.reason
    assert "seechange calibration build bias" in report.reason
    assert not survey.rows(Product, Product.exposure_id.in_([row.exposure_id for row in survey.reports()]))


def test_damaged_product_is_named_and_never_used(survey: Any, new_exposure: Path) -> None:
    survey.process([new_exposure], through="preprocessing")
    before = set(survey.written())
    survey.process([new_exposure], through="extraction")
    (sources,) = (path for path in set(survey.written()) - before if "sources" in path.name)
    sources.write_bytes(sources.read_bytes()[:-2880])
    (report,) = survey.process([new_exposure])
    assert (report.state, report.step) == ("failed", "astrocal")
    assert str(sources) in report.reason
    assert "damaged" in report.reason


def _plain(header: fits.Header) -> fits.Header:
    """Leave out what belongs to the unsigned integers of the raw file."""
    kept = header.copy()
    for keyword in ("BZERO", "BSCALE", "BITPIX"):
        kept.remove(keyword, ignore_missing=True)
    return kept

"""Runs whose images are judged by gates, and whose parameters depend on what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seechange_core.models import Badness, Product

pytestmark = pytest.mark.slow


def products(survey: Any, process: str) -> list[Product]:
    rows: list[Product] = survey.rows(Product, Product.process == process)
    return rows


def newest(survey: Any, process: str) -> Product:
    return max(products(survey, process), key=lambda row: row.created_at)


def test_gate_ends_the_section_with_reason_and_flag(survey: Any, new_exposure: Path) -> None:
    gate = "extraction.gates.seeing_arcsec.reject_above=0.2"
    (report,) = survey.process([new_exposure], gate)
    assert (report.state, report.step) == ("rejected", "extraction")
    assert "seeing_arcsec is" in report.reason
    assert "above 0.2 (extraction.gates)" in report.reason
    (row,) = survey.rows(Product, Product.state == "rejected")
    assert row.badness == Badness.BAD_SEEING
    assert row.reason == report.reason
    assert row.metrics["seeing_arcsec"] > 0.2
    (again,) = survey.process([new_exposure], gate)
    assert again.reason == report.reason
    assert len(survey.rows(Product, Product.state == "rejected")) == 1


def test_warning_is_told_and_kept_and_the_section_goes_on(survey: Any, new_exposure: Path) -> None:
    gates = ("extraction.gates.seeing_arcsec.warn_above=0.2", "photocal.gates.n_stars.reject_below=1")
    (report,) = survey.process([new_exposure], *gates, through="photocal")
    assert report.state == "done"
    assert any("seeing_arcsec is" in warning for warning in report.warnings)
    assert newest(survey, "extraction").metrics["quality"] == {"seeing_arcsec": "warn"}
    assert newest(survey, "photocal").metrics["quality"] == {"n_stars": "good"}
    assert newest(survey, "extraction").badness == 0


def test_branch_taken_is_stored_with_the_product(survey: Any, new_exposure: Path) -> None:
    crowded = "'stars_per_deg2 > 1e9': {zeropoint: {min_snr: 50}}"
    usual = "'stars_per_deg2 > 1': {zeropoint: {min_snr: 20}}"
    branches = f"photocal.when={{{crowded}, {usual}}}"
    (report,) = survey.process([new_exposure], branches, through="photocal")
    assert report.state == "done"
    made = newest(survey, "photocal")
    assert made.branch == "stars_per_deg2 > 1"
    everywhere = survey.process([new_exposure], "photocal.zeropoint.min_snr=20", through="photocal")
    assert everywhere[0].state == "done"
    assert newest(survey, "photocal").metrics == made.metrics
    assert newest(survey, "photocal").identity != made.identity

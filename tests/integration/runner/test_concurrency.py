"""Two runs of the same exposures at the same time make everything once."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from typing import Any

import numpy as np
import pytest

from seechange_core.models import Measurements, Object, Product


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_two_runs_at_once_make_everything_once(survey: Any) -> None:
    command = [*survey.command, "--json", "--jobs=1", "--sections=C1", str(survey.files.new[0])]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        for _ in range(2)
    ]
    answers = [run.communicate() for run in runs]
    for run, (output, errors) in zip(runs, answers, strict=True):
        assert run.returncode == 0, output.decode() + errors.decode()
    reports = [json.loads(output)["sections"] for output, _ in answers]
    assert {(report["state"], report["reason"]) for run in reports for report in run} == {("done", "")}
    assert _product_ids(reports[0]) == _product_ids(reports[1])

    made = {(row.exposure_id, row.place, row.process) for row in survey.rows(Product)}
    assert len(made) == len(survey.rows(Product))
    assert survey.problems() == []
    _assert_objects_are_apart(survey)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_sections_of_one_sky_at_once_share_their_objects(survey: Any) -> None:
    reports = survey.process(survey.files.new, jobs=2)
    assert {(report.state, report.reason) for report in reports} == {("done", "")}
    _assert_objects_are_apart(survey)
    measured = Counter(row.object_id for row in survey.rows(Measurements))
    assert set(measured) == {row.id for row in survey.rows(Object)}
    assert max(measured.values()) == len(survey.files.new)


def _product_ids(reports: list[dict[str, Any]]) -> list[str]:
    return [step["product_id"] for report in reports for step in report["steps"]]


def _assert_objects_are_apart(survey: Any) -> None:
    """No object lies within the radius of another one, as two of the same source would."""
    objects = survey.rows(Object)
    ra, dec = (np.array([getattr(row, name) for row in objects]) for name in ("ra", "dec"))
    east = (ra[:, None] - ra) * np.cos(np.radians(dec))
    distance_arcsec = np.hypot(east, dec[:, None] - dec) * 3600.0
    np.fill_diagonal(distance_arcsec, np.inf)
    assert distance_arcsec.min() > 1.0
    assert {row.object_id for row in survey.rows(Measurements)} == {row.id for row in objects}

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from seechange_core.api import NoParams, Scorer
from seechange_core.errors import PluginError
from seechange_core.frames import Floats, MeasurementTable, ScoreTable, Stamps, SurroundingsTable
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.steps.scoring import Scoring
from seechange_core.steps.step import StepContext, StepResult


class ByRow(Scorer):
    """The first candidate is bogus, the last one real."""

    name = "byrow"
    version = "2.1"

    def score(self, stamps: Stamps, measurements: MeasurementTable) -> tuple[Floats, list[dict[str, Any]]]:
        n = measurements.n_rows
        return np.linspace(0.0, 1.0, n), [{"row": row, "of": n} for row in range(n)]


class Constant(Scorer):
    name = "constant"
    version = "1.0"

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def score(self, stamps: Stamps, measurements: MeasurementTable) -> tuple[Floats, list[dict[str, Any]]]:
        return self.value, [{}] * measurements.n_rows


class WithThreshold(ByRow):
    """Recommends a threshold."""

    name = "advised"

    def score(self, stamps: Stamps, measurements: MeasurementTable) -> tuple[Floats, list[dict[str, Any]]]:
        scores, details = super().score(stamps, measurements)
        return scores, [{**detail, "threshold": 0.5} for detail in details]


def scores_of(n: int, *scorers: Scorer) -> ScoreTable:
    result = scored(n, *scorers)
    table: ScoreTable = result.outputs["scores"]
    assert result.metrics["n_scores"] == table.n_rows
    return table


def scored(n: int, *scorers: Scorer) -> StepResult:
    plane = np.zeros((20, 20), np.float32)
    stamps = cut_triplets([9.0] * n, [9.0] * n, 5, plane, plane, plane, np.zeros((20, 20), np.uint16))
    measurements = MeasurementTable(
        {name: np.zeros(n, dtype) for name, (dtype, _, _) in MeasurementTable.COLUMNS.items()}
    )
    surroundings = SurroundingsTable(
        {name: np.zeros(n, dtype) for name, (dtype, _, _) in SurroundingsTable.COLUMNS.items()}
    )
    inputs = {"stamps": stamps, "measurements": measurements, "surroundings": surroundings}
    context = StepContext({"": scorers}, None)
    return Scoring().run(inputs, NoParams(), context)


def test_metrics_tell_the_distribution_of_each_scorer() -> None:
    metrics = scored(5, WithThreshold(), Constant([0.25] * 5)).metrics
    assert metrics["score_histogram"]["advised"] == [1, *[0] * 4, 1, *[0] * 4, 1, *[0] * 4, 1, *[0] * 3, 1]
    assert sum(metrics["score_histogram"]["constant"]) == metrics["score_histogram"]["constant"][5] == 5
    assert metrics["n_likely_real"] == {"advised": 3}
    assert scored(0, ByRow()).metrics["score_histogram"] == {}


def test_every_scorer_scores_every_candidate() -> None:
    table = scores_of(3, ByRow(), Constant([0.25] * 3))
    assert table["row"].tolist() == [0, 1, 2] * 2
    assert table["scorer"].tolist() == ["byrow"] * 3 + ["constant"] * 3
    assert table["version"].tolist() == ["2.1"] * 3 + ["1.0"] * 3
    assert table["score"].tolist() == [0.0, 0.5, 1.0, 0.25, 0.25, 0.25]
    assert [json.loads(info) for info in table["info"]][:2] == [{"row": 0, "of": 3}, {"row": 1, "of": 3}]


def test_without_scorers_or_candidates_the_table_is_empty() -> None:
    for table in (scores_of(3), scores_of(0, ByRow())):
        assert table.n_rows == 0
        assert set(table) == set(ScoreTable.COLUMNS)


@pytest.mark.parametrize(
    ("value", "message"),
    [([0.5, 1.5], "gave 1.5 for candidate 1"), ([math.nan, 0.5], "gave nan"), ([0.5], "of shape \\(1,\\)")],
)
def test_a_scorer_that_breaks_the_contract_is_named(value: list[float], message: str) -> None:
    with pytest.raises(PluginError, match=f"scorer constant 1.0 .*{message}"):
        scores_of(2, Constant(value))

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from seechange_core.frames import DecisionTable, DecisionTest
from seechange_core.steps.cuts import DEFAULT_CUTS, CutParams

WIDE = DecisionTest("wide", "width_ratio", "above", 1.3, 2.0)
NARROW = DecisionTest("narrow", "width_ratio", "below", 0.6, None)
FAINT = DecisionTest("faint", "snr", "below", None, 3.0)


def columns(**measured: list[float]) -> dict[str, Any]:
    n = len(next(iter(measured.values())))
    place = {name: np.zeros(n) for name in ("x", "y", "ra", "dec", "score")}
    return place | {name: np.array(values) for name, values in measured.items()}


def test_each_test_has_its_bit() -> None:
    measured = columns(width_ratio=[1.0, 1.5, 2.5, 0.1], snr=[9.0, 9.0, 2.0, 2.0])
    table = DecisionTable.of(measured, (WIDE, NARROW, FAINT))
    np.testing.assert_array_equal(table["flagged"], [0, 0b001, 0b001, 0b010])
    np.testing.assert_array_equal(table["deleted"], [0, 0, 0b101, 0b100])
    np.testing.assert_array_equal(table["row"], [0, 1, -1, -1])
    np.testing.assert_array_equal(table["width_ratio"], measured["width_ratio"])
    assert table.tests == (WIDE, NARROW, FAINT)


def test_on_a_threshold_passes_and_what_is_unknown_is_flagged_only() -> None:
    table = DecisionTable.of(columns(width_ratio=[1.3, math.nan], snr=[3.0, math.nan]), (WIDE, FAINT))
    np.testing.assert_array_equal(table["flagged"], [0, 0b01])
    np.testing.assert_array_equal(table["deleted"], [0, 0])


def test_no_more_tests_than_bits() -> None:
    DecisionTable.of(columns(snr=[1.0]), [FAINT] * 32)
    with pytest.raises(ValueError, match="33 tests"):
        DecisionTable.of(columns(snr=[1.0]), [FAINT] * 33)


def test_a_profile_changes_single_thresholds_and_adds_tests() -> None:
    params = CutParams(
        cuts={
            "wide": {"flag": 1.5},
            "narrow": {"flag": None, "delete": None},
            "at_the_edge": {"column": "edge_distance", "comparison": "below", "delete": 5},
        }
    )
    tests = {test.name: test for test in params.tests()}
    assert tests["wide"] == DecisionTest("wide", "width_ratio", "above", 1.5, None)
    assert "narrow" not in tests
    assert tests["at_the_edge"] == DecisionTest("at_the_edge", "edge_distance", "below", None, 5.0)
    assert set(DEFAULT_CUTS) - set(tests) == {"narrow"}
    assert list(CutParams(cuts={"b": _any(), "a": _any()}).cuts)[-2:] == ["a", "b"]


def _any() -> dict[str, Any]:
    return {"column": "snr", "comparison": "below", "flag": 3}


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ({"column": "widht_ratio", "comparison": "below", "flag": 1}, "widht_ratio is not measured"),
        ({"column": "psf_like", "comparison": "below", "flag": 1}, "psf_like is not measured"),
        ({"column": "snr", "comparison": "under", "flag": 1}, "above"),
        (
            {"column": "snr", "comparison": "below", "flag": 3, "delete": 5},
            "would delete what it does not flag",
        ),
        (
            {"column": "snr", "comparison": "above", "flag": 5, "delete": 3},
            "would delete what it does not flag",
        ),
        ({"comparison": "below", "flag": 1}, "column"),
    ],
)
def test_cuts_that_make_no_sense_are_refused(cut: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CutParams(cuts={"new": cut})

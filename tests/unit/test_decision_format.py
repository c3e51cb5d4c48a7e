from __future__ import annotations

import numpy as np
import pytest

from seechange_core.errors import StoreError
from seechange_core.frames import DecisionTable, DecisionTest
from seechange_core.store.formats.decisions import decisions_bytes, read_decisions


def decisions(n_rows: int) -> DecisionTable:
    random = np.random.default_rng(4)
    quantities = {name: random.normal(size=n_rows) for name in ("x", "y", "ra", "dec", "score", "misfit")}
    quantities["misfit"][1:2] = np.nan
    return DecisionTable.of(quantities, [DecisionTest("unlike_psf", "misfit", "above", 0.0, 1.0)])


@pytest.mark.parametrize("n_rows", [0, 1, 300])
def test_everything_comes_back(n_rows: int) -> None:
    written = decisions(n_rows)
    read = read_decisions(decisions_bytes(written))
    assert read.meta == written.meta
    assert read.tests == written.tests
    assert list(read) == list(written)
    for name, values in written.items():
        assert read[name].dtype == values.dtype
        np.testing.assert_array_equal(read[name], values)


def test_equal_tables_give_equal_bytes() -> None:
    assert decisions_bytes(decisions(300)) == decisions_bytes(decisions(300))


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b"", lambda b: b"x" + b], ids=["cut", "empty", "other"]
)
def test_damaged_bytes_are_an_error_that_says_what_to_do(damage: object) -> None:
    with pytest.raises(StoreError, match=r"damaged.*process again"):
        read_decisions(damage(decisions_bytes(decisions(300))))  # type: ignore[operator]

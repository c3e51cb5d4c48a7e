"""Cuts: explicit tests of candidates, each with a threshold to flag and one to delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import field_validator, model_validator

from seechange_core.api import Params, parameter
from seechange_core.frames import MeasurementTable
from seechange_core.frames.decisions import ABOVE, DecisionTest


class Cut(Params):
    """One test of candidates."""

    column: str = parameter(description="Measured quantity, a column of the measurements")
    comparison: Literal["above", "below"] = parameter(
        description="Candidates fail above, or below, the thresholds"
    )
    flag: float | None = parameter(None, description="Beyond it a candidate is flagged; null for never")
    delete: float | None = parameter(None, description="Beyond it a candidate is deleted; null for never")

    @field_validator("column")
    @classmethod
    def _is_measured(cls, column: str) -> str:
        testable = [
            name
            for name, (dtype, _, _) in MeasurementTable.COLUMNS.items()
            if np.issubdtype(dtype, np.number)
        ]
        if column not in testable:
            raise ValueError(f"{column} is not measured; there are {', '.join(testable)}")
        return column

    @model_validator(mode="after")
    def _flags_before_it_deletes(self) -> Cut:
        if self.flag is not None and self.delete is not None:
            further = self.delete - self.flag if self.comparison == ABOVE else self.flag - self.delete
            if further < 0:
                raise ValueError(
                    f"it would delete what it does not flag: with 'comparison: {self.comparison}' the threshold "
                    f"to delete, {self.delete:g}, must not come before the one to flag, {self.flag:g}"
                )
        return self


#: What is tested unless the profile says otherwise. A profile changes single thresholds, or adds tests.
DEFAULT_CUTS: Mapping[str, Mapping[str, Any]] = {
    "unusable": {"column": "unusable_fraction", "comparison": "above", "flag": 0.3, "delete": 0.3},
    "unlike_psf": {"column": "misfit", "comparison": "above", "flag": 0.5, "delete": 1.0},
    "narrow": {"column": "width_ratio", "comparison": "below", "flag": 0.6, "delete": 0.4},
    "wide": {"column": "width_ratio", "comparison": "above", "flag": 1.3, "delete": None},
    "elongated": {"column": "elongation", "comparison": "above", "flag": 3.0, "delete": None},
    "dipole": {"column": "dipole_fraction", "comparison": "above", "flag": 0.75, "delete": None},
}


class CutParams(Params):
    """Parameters of a step that holds candidates against cuts."""

    cuts: dict[str, Cut] = parameter(
        DEFAULT_CUTS,
        description="Tests by name: column, comparison, and the thresholds flag and delete; what is not named "
        "keeps its default",
    )

    @field_validator("cuts", mode="before")
    @classmethod
    def _over_the_defaults(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        laid_over = {
            name: {**DEFAULT_CUTS.get(name, {}), **cut} if isinstance(cut, Mapping) else cut
            for name, cut in sorted(given.items())
        }
        return {**DEFAULT_CUTS, **laid_over}

    def tests(self) -> tuple[DecisionTest, ...]:
        """Return the tests that have a threshold, in order."""
        return tuple(
            DecisionTest(name, cut.column, cut.comparison, cut.flag, cut.delete)
            for name, cut in self.cuts.items()
            if cut.flag is not None or cut.delete is not None
        )

"""Scoring: how real every candidate looks, by any number of scorers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import NoParams, Params, Scorer
from seechange_core.errors import PluginError
from seechange_core.frames import Floats, MeasurementTable, ScoreTable, Stamps
from seechange_core.params import Slot, canonical_json
from seechange_core.steps.step import Step, StepContext, StepResult

_BINS = 20


class Scoring(Step):
    """Ask each scorer of the profile for its opinion of all candidates."""

    process: ClassVar[str] = "scoring"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = NoParams
    slots: ClassVar[tuple[Slot, ...]] = (Slot("scorer", many=True),)
    inputs: ClassVar[tuple[str, ...]] = ("stamps", "measurements", "surroundings")
    outputs: ClassVar[tuple[str, ...]] = ("scores",)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``scores``: `ScoreTable`. Scorers are not called where there is no candidate.

        Metrics say by scorer how many candidates score in each of 20 equal ranges from 0 to 1 (``score_histogram``),
        and how many reach the threshold that the scorer's details name, if they do (``n_likely_real``).

        Raises
        ------
        PluginError
            If a scorer gives other than one finite number from 0 to 1 and one dictionary a candidate.
        """
        # One table for the scorers: what was measured, and what is around.
        measurements = inputs["measurements"].with_columns(**inputs["surroundings"])
        stamps = inputs["stamps"].rows(measurements["stamp"])
        rows: dict[str, list[Any]] = {name: [] for name in ScoreTable.COLUMNS}
        metrics: dict[str, Any] = {"score_histogram": {}, "n_likely_real": {}}
        for scorer in context.components[""] if measurements.n_rows else ():
            scores, details = _checked(scorer, stamps, measurements)
            rows["row"] += range(len(scores))
            rows["scorer"] += [scorer.name] * len(scores)
            rows["version"] += [scorer.version] * len(scores)
            rows["score"] += scores.tolist()
            rows["info"] += [canonical_json(detail) for detail in details]
            metrics["score_histogram"][scorer.name] = np.histogram(scores, _BINS, (0.0, 1.0))[0].tolist()
            if "threshold" in details[0]:
                thresholds = [detail["threshold"] for detail in details]
                metrics["n_likely_real"][scorer.name] = int(np.count_nonzero(scores >= thresholds))
        return StepResult({"scores": ScoreTable(rows)}, {"n_scores": len(rows["row"]), **metrics})


def _checked(
    scorer: Scorer, stamps: Stamps, measurements: MeasurementTable
) -> tuple[Floats, list[dict[str, Any]]]:
    values, details = scorer.score(stamps, measurements)
    scores = np.asarray(values, np.float64)
    n = measurements.n_rows
    if scores.shape != (n,) or len(details) != n:
        raise PluginError(
            f"scorer {scorer.name} {scorer.version} gave scores of shape {scores.shape} and {len(details)} "
            f"dictionaries for {n} candidates; one of each a candidate is needed"
        )
    wrong = ~((scores >= 0.0) & (scores <= 1.0))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise PluginError(
            f"scorer {scorer.name} {scorer.version} gave {scores[row]} for candidate {row}, not 0 to 1"
        )
    return scores, details

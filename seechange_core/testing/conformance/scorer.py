"""What every scorer has to pass, on candidates with their truth."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from seechange_core.api import Scorer
from seechange_core.frames import Floats
from seechange_core.testing.conformance.candidates import Candidates, labelled_candidates
from seechange_core.testing.conformance.component import ComponentConformance

#: Of scores that should be equal: what other sums in another order cost.
_TOLERANCE = 1e-5


class ScorerConformance(ComponentConformance):
    """Contract and science of a scorer.

    Subclass it in the plugin's tests::

        class TestMine(ScorerConformance):
            component = MyScorer

    Attributes
    ----------
    min_area : float
        Least chance that a real candidate scores higher than a bogus one.
    """

    component: ClassVar[type[Scorer]]
    min_area: ClassVar[float] = 0.6
    manual: ClassVar[str] = "docs/how-to/write-a-scorer.md"

    def ordinary_input(self) -> Candidates:
        """Return transients, residues of stars and hot pixels."""
        return labelled_candidates()

    def run(self, component: Scorer, given: Candidates) -> tuple[Floats, list[dict[str, Any]]]:
        """Score."""
        return component.score(given.stamps, given.measurements)

    def scores(self, given: Candidates) -> Floats:
        """Return the scores of some candidates."""
        return np.asarray(self.run(self.make(), given)[0], np.float64)

    def require_in_range(self, scores: Floats, of: str) -> None:
        """Fail unless all scores are numbers from 0 to 1."""
        wrong = scores[~((scores >= 0) & (scores <= 1))]
        self.require(
            not len(wrong), f"scores {of} are out of range", wrong[:5], "0 (bogus) to 1 (real), never NaN"
        )

    def test_scores_are_from_0_to_1(self) -> None:
        """For every candidate."""
        self.require_in_range(np.asarray(self.ordinary_output()[0], np.float64), "of ordinary candidates")

    def test_each_candidate_has_one_score_and_one_dictionary(self) -> None:
        """In the order of the rows."""
        scores, details = self.ordinary_output()
        n = self.ordinary_input().measurements.n_rows
        shape = np.shape(scores)
        self.require(shape == (n,) and len(details) == n, "numbers differ", (shape, len(details)), ((n,), n))

    def test_details_can_be_stored(self) -> None:
        """As JSON."""
        self.require_json(list(self.ordinary_output()[1]), "details")

    def test_order_of_the_batch_does_not_matter(self) -> None:
        """A candidate has its score, wherever it stands."""
        given = self.ordinary_input()
        order = np.random.default_rng(3).permutation(given.measurements.n_rows)
        off = np.abs(self.scores(given.rows(order)) - self.scores(given)[order]).max()
        self.require(
            off < _TOLERANCE, "scores depend on the order of the candidates", f"{off:.3g}", "the same"
        )

    def test_neighbours_in_the_batch_do_not_matter(self) -> None:
        """Alone, a candidate has the score that it has among others."""
        given = self.ordinary_input()
        some = np.arange(0, given.measurements.n_rows, max(given.measurements.n_rows // 8, 1))
        alone = np.concatenate([self.scores(given.rows(np.array([row]))) for row in some])
        off = np.abs(alone - self.scores(given)[some]).max()
        self.require(
            off < _TOLERANCE, "scores depend on the other candidates", f"{off:.3g}", "the same alone"
        )

    def test_no_candidates_give_no_scores(self) -> None:
        """Most images of a quiet field."""
        try:
            scores, details = self.run(self.make(), self.ordinary_input().rows(np.zeros(0, int)))
        except Exception as error:  # what is raised is the finding
            self.require(False, "no candidates are an error", repr(error), "no scores")
        told = np.shape(scores), len(details)
        self.require(told == ((0,), 0), "no candidates give scores", told, ((0,), 0))

    def test_masked_candidates_have_a_score(self) -> None:
        """Off the image there is nothing, and some measurements are NaN."""
        self.require_in_range(self.scores(self.ordinary_input().all_masked()), "of masked candidates")

    @pytest.mark.parametrize("value", [float("nan"), 1e30])
    def test_masked_pixels_poison_nothing(self, value: float) -> None:
        """What they hold means nothing."""
        self.require_in_range(
            self.scores(self.ordinary_input().with_masked_pixels(value)), f"beside pixels of {value}"
        )

    def test_real_ones_score_higher(self) -> None:
        """Transients against residues of stars and hot pixels."""
        given = self.ordinary_input()
        scores = np.asarray(self.ordinary_output()[0], np.float64)
        bogus, real = np.sort(scores[~given.real]), scores[given.real]
        below = np.searchsorted(bogus, real, "left") + np.searchsorted(bogus, real, "right")
        area = float(below.mean() / (2 * len(bogus)))
        self.require(
            area > self.min_area,
            "real candidates do not score higher than bogus ones",
            f"with a chance of {area:.2f}, {len(real)} real and {len(bogus)} bogus",
            f"above {self.min_area:g} (min_area)",
        )

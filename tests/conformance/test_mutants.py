"""The kit notices every kind of mistake, each by the check that is there for it, and none in what is right."""

from __future__ import annotations

import pytest

from seechange_core.testing.conformance.component import ComponentConformance
from tests.conformance import mutants_of_instruments, mutants_of_subtractors, mutants_of_the_others
from tests.conformance.mutants import Mutant

MUTANTS = [*mutants_of_subtractors.MUTANTS, *mutants_of_instruments.MUTANTS, *mutants_of_the_others.MUTANTS]


def check(tests: type[ComponentConformance], mutant: Mutant) -> None:
    getattr(tests(), mutant.check)(**mutant.arguments)


def test_there_are_mutants_of_every_kind() -> None:
    assert len(MUTANTS) >= 20
    assert {mutant.original.component.kind for mutant in MUTANTS} == {
        "instrument", "calibrator", "subtractor", "scorer", "catalog",
    }  # fmt: skip


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda mutant: f"{mutant.original.component.name}: {mutant.wrong}"
)
def test_mutant_is_caught_by_its_check_and_the_real_one_passes(mutant: Mutant) -> None:
    check(mutant.original, mutant)
    with pytest.raises(pytest.fail.Exception, match=r"measured:(.|\n)*asked:"):
        check(mutant.tests, mutant)

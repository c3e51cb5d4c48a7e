"""Proper subtraction of simulated pairs against their truth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_core.testing.subtractor_tests import SubtractorTests, spoilt
from seechange_zogy import Zogy


@pytest.fixture(scope="module")
def simulated(seed: int) -> SimulatedPair:
    return simulated_pair(seed, n_transients=60)


class TestZogy(SubtractorTests):
    subtractor = Zogy

    def test_registration_term_keeps_stars_out(self, seed: int) -> None:
        shifted = simulated_pair(seed, misregistration=(0.12, 0.09))
        with_term = self.figures(shifted)
        blind = spoilt(shifted, registration_error=(0.0, 0.0))
        without_term = self.figures(blind, min_registration_error=0.0)
        assert with_term.n_false <= 4
        assert without_term.n_false > 10 * max(with_term.n_false, 1)
        assert with_term.n_found >= without_term.n_found - 2

    def test_width_term_keeps_stars_out(self, seed: int) -> None:
        simulated = simulated_pair(seed)
        field = simulated.new_field
        wide = replace(field, fwhm=1.02 * field.fwhm)
        width_error = 0.04 * (field.fwhm / 2.3548) ** 2
        with_term = self.figures(spoilt(simulated, new_psf=wide.model(), width_error=width_error))
        without_term = self.figures(spoilt(simulated, new_psf=wide.model()))
        assert with_term.n_false <= 5
        assert without_term.n_false > 3 * max(with_term.n_false, 1)
        assert with_term.n_found >= without_term.n_found - 2

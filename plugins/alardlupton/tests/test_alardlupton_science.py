"""Subtraction with a fitted kernel of simulated pairs against their truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seechange_alardlupton import AlardLupton
from seechange_core.api import Rejected
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_core.testing.subtraction import SubtractionFigures, changed_pair, subtraction_figures


@pytest.fixture(scope="module")
def simulated(seed: int) -> SimulatedPair:
    return simulated_pair(seed, n_transients=60)


def figures(simulated: SimulatedPair, **parameters: float) -> SubtractionFigures:
    """Subtract with given parameters and compare with the truth."""
    return subtraction_figures(
        simulated, AlardLupton(AlardLupton.Params(**parameters)).subtract(simulated.pair)
    )


def test_kernel_takes_up_a_shift(seed: int) -> None:
    shifted = simulated_pair(seed, misregistration=(0.12, 0.09))
    unaware = changed_pair(shifted, registration_error=(0.0, 0.0))
    assert figures(shifted).n_false <= 4
    assert figures(unaware, min_registration_error=0.0).n_false <= 5


def test_either_image_can_be_convolved(simulated: SimulatedPair) -> None:
    for which in ("new", "reference"):
        difference = AlardLupton(AlardLupton.Params(convolve=which)).subtract(simulated.pair)
        assert difference.metrics["convolved"] == which
        measured = subtraction_figures(simulated, difference)
        assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
        assert measured.n_missed_bright == 0


def test_kernel_follows_the_flux(simulated: SimulatedPair) -> None:
    # Zero points that err by 2 % are made up for by the kernel.
    pair = replace(simulated.pair, flux_ratio=1.02 * simulated.pair.flux_ratio)
    right, wrong = (AlardLupton().subtract(one).metrics["kernel_sum"] for one in (simulated.pair, pair))
    assert wrong / right == pytest.approx(1.02, abs=1e-3)


def test_variable_stars_do_not_spoil_the_kernel(simulated: SimulatedPair) -> None:
    plain = AlardLupton().subtract(simulated.pair)
    brightest = simulated.stars.rows(np.argsort(-simulated.stars["flux"])[:4])
    new = simulated.new.data.copy()
    offset = np.arange(-12, 13)
    for x, y, flux in zip(brightest["x"], brightest["y"], brightest["flux"], strict=True):
        column, row = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
        if 12 <= column < new.shape[1] - 12 and 12 <= row < new.shape[0] - 12:
            new[row + offset[:, None], column + offset] += 0.3 * flux * simulated.pair.new_psf.stamp(x, y, 25)
    varied = replace(simulated.pair, new=simulated.new.replaced(data=new))
    difference = AlardLupton().subtract(varied)
    assert difference.metrics["n_clipped_stamps"] > plain.metrics["n_clipped_stamps"]
    assert difference.metrics["kernel_sum"] == pytest.approx(plain.metrics["kernel_sum"], abs=0.005)


def test_pair_without_stars_is_rejected(seed: int) -> None:
    empty = simulated_pair(seed, (256, 256), n_stars=0, n_galaxies=0, n_transients=0)
    with pytest.raises(Rejected, match="0 stamps with a peak above 10 sigma"):
        AlardLupton().subtract(empty.pair)


def test_sharper_image_is_convolved(seed: int) -> None:
    simulated = simulated_pair(seed, new_seeing_arcsec=1.0, ref_seeing_arcsec=1.3)
    assert AlardLupton().subtract(simulated.pair).metrics["convolved"] == "new"

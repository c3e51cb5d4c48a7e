"""What subtraction with a fitted kernel has to reach on simulated pairs, beyond what every subtractor has to."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import ClassVar

import numpy as np
import pytest

from seechange_core.api import Rejected, Subtractor
from seechange_core.frames import AlignedPair, Difference
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_core.testing.subtraction import SubtractionFigures, changed_pair, subtraction_figures


@cache
def usual_pair(seed: int) -> SimulatedPair:
    """Return a pair without difficulties."""
    return simulated_pair(seed, n_transients=60)


class FittedKernelScience:
    """Tests against the truth; a fixture ``seed`` gives the seed of the scenes.

    Attributes
    ----------
    component : type
        What is tested; its parameter ``convolve`` and its metrics ``convolved`` and ``kernel_sum`` are used.
    rejection : str
        What it says of a pair without stars.
    clipped_metric : str
        The metric that counts what was left out of the fit, if it has one.
    """

    component: ClassVar[type[Subtractor]]
    rejection: ClassVar[str]
    clipped_metric: ClassVar[str] = ""

    def subtract(self, pair: AlignedPair, **parameters: object) -> Difference:
        """Subtract with given parameters."""
        return self.component(self.component.Params(**parameters)).subtract(pair)

    def figures(self, simulated: SimulatedPair, **parameters: object) -> SubtractionFigures:
        """Subtract with given parameters and compare with the truth."""
        return subtraction_figures(simulated, self.subtract(simulated.pair, **parameters))

    def test_kernel_takes_up_a_shift(self, seed: int) -> None:
        """With the uncertainty of the registration known, and without."""
        shifted = simulated_pair(seed, misregistration=(0.12, 0.09))
        unaware = changed_pair(shifted, registration_error=(0.0, 0.0))
        assert self.figures(shifted).n_false <= 4
        assert self.figures(unaware, min_registration_error=0.0).n_false <= 5

    def test_either_image_can_be_convolved(self, seed: int) -> None:
        """On demand, whichever is sharper."""
        simulated = usual_pair(seed)
        for which in ("new", "reference"):
            difference = self.subtract(simulated.pair, convolve=which)
            assert difference.metrics["convolved"] == which
            measured = subtraction_figures(simulated, difference)
            assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
            assert measured.n_missed_bright == 0

    def test_kernel_follows_the_flux(self, seed: int) -> None:
        """Zero points that err by 2 % are made up for by the kernel."""
        simulated = usual_pair(seed)
        pair = replace(simulated.pair, flux_ratio=1.02 * simulated.pair.flux_ratio)
        right, wrong = (self.subtract(one).metrics["kernel_sum"] for one in (simulated.pair, pair))
        assert wrong / right == pytest.approx(1.02, abs=1e-3)

    def test_variable_stars_do_not_spoil_the_kernel(self, seed: int) -> None:
        """Though they are the brightest of all.

        Their light reaches into the stamps of their neighbours: over five seeds the sum changes by at most 0.006.
        """
        simulated = usual_pair(seed)
        plain = self.subtract(simulated.pair)
        brightest = simulated.stars.rows(np.argsort(-simulated.stars["flux"])[:4])
        new = simulated.new.data.copy()
        offset = np.arange(-12, 13)
        psf = simulated.pair.new_psf
        assert psf is not None
        for x, y, flux in zip(brightest["x"], brightest["y"], brightest["flux"], strict=True):
            column, row = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
            if 12 <= column < new.shape[1] - 12 and 12 <= row < new.shape[0] - 12:
                new[row + offset[:, None], column + offset] += 0.3 * flux * psf.stamp(x, y, 25)
        difference = self.subtract(replace(simulated.pair, new=simulated.new.replaced(data=new)))
        if self.clipped_metric:
            assert difference.metrics[self.clipped_metric] > plain.metrics[self.clipped_metric]
        assert difference.metrics["kernel_sum"] == pytest.approx(plain.metrics["kernel_sum"], abs=0.01)

    def test_pair_without_stars_is_rejected(self, seed: int) -> None:
        """There is nothing to fit a kernel to."""
        empty = simulated_pair(seed, (256, 256), n_stars=0, n_galaxies=0, n_transients=0)
        with pytest.raises(Rejected, match=self.rejection):
            self.subtract(empty.pair)

    def test_sharper_image_is_convolved(self, seed: int) -> None:
        """Be it the new one."""
        simulated = simulated_pair(seed, new_seeing_arcsec=1.0, ref_seeing_arcsec=1.3)
        assert self.subtract(simulated.pair).metrics["convolved"] == "new"

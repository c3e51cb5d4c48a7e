"""Tests that every subtraction algorithm has to pass, on simulated pairs with their truth.

Subclass `SubtractorTests` in a plugin's tests::

    class TestMine(SubtractorTests):
        subtractor = MySubtractor
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from seechange_core.api import Rejected, Subtractor
from seechange_core.frames import Difference, Pixels, unusable
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_core.simulation.spoiling import with_bad_pixels, with_saturation, without_columns
from seechange_core.testing.subtraction import SubtractionFigures, subtraction_figures

Record = Callable[[str, float, str], None]


def spoilt(simulated: SimulatedPair, **changes: Any) -> SimulatedPair:
    """Return a simulated pair with fields of its `AlignedPair` replaced."""
    return replace(simulated, pair=replace(simulated.pair, **changes))


def _score(difference: Difference) -> Pixels:
    assert difference.score is not None
    return difference.score


class SubtractorTests:
    """Noise, completeness and flux by the truth, and what spoils images.

    They want the fixtures ``seed`` (int), ``simulated`` (a `SimulatedPair` of that seed with 60 transients) and
    ``record_figure`` (called with name, value and unit).
    """

    subtractor: ClassVar[type[Subtractor]]

    def figures(self, simulated: SimulatedPair, **parameters: Any) -> SubtractionFigures:
        """Subtract with given parameters and compare with the truth."""
        chosen = self.subtractor(self.subtractor.Params(**parameters))
        return subtraction_figures(simulated, chosen.subtract(simulated.pair))

    def test_noise_completeness_and_flux(self, simulated: SimulatedPair, record_figure: Record) -> None:
        """The score has scatter 1, sources are found as expected, and fluxes are unbiased."""
        measured = self.figures(simulated)
        # A CCD of a million pixels has some 40,000 independent ones: a scatter is known to 0.4 %.
        assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
        # The expected number is that at the true position; three binomial standard deviations below it.
        assert measured.n_found > measured.n_expected - 3 * measured.n_expected_error
        assert measured.n_missed_bright == 0
        # Gaussian noise alone gives 0.3 peaks beyond 5 sigma on a million pixels.
        assert measured.n_false <= 4
        assert measured.flux_bias == pytest.approx(0.0, abs=0.01 + 3 * measured.flux_bias_error)
        assert measured.pull_rms == pytest.approx(1.0, abs=0.35)
        assert measured.flux_image_bias == pytest.approx(0.0, abs=0.01 + 3 * measured.flux_bias_error)
        record_figure(f"{self.subtractor.name}_score_scatter", measured.score_scatter, "sigma")
        record_figure(f"{self.subtractor.name}_false", measured.n_false, "")
        record_figure(f"{self.subtractor.name}_flux_bias", measured.flux_bias, "")

    @pytest.mark.parametrize("seeing", [(1.0, 1.3), (1.1, 1.1)], ids=["reference worse", "equal"])
    def test_other_seeing(self, seed: int, seeing: tuple[float, float]) -> None:
        """The same where the reference is as sharp, or less sharp."""
        measured = self.figures(
            simulated_pair(seed, new_seeing_arcsec=seeing[0], ref_seeing_arcsec=seeing[1])
        )
        assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
        assert measured.n_missed_bright == 0
        assert measured.n_false <= 5

    def test_identical_images_leave_nothing(self, simulated: SimulatedPair) -> None:
        """An image minus itself is 0."""
        pair = simulated.pair
        same = replace(pair, ref=pair.new, ref_psf=pair.new_psf, flux_ratio=1.0)
        difference = self.subtractor().subtract(same)
        # Rounding: a ten-millionth of the brightest star.
        assert np.abs(difference.data).max() < 1e-6 * pair.new.data.max()
        assert np.nanmax(np.abs(_score(difference))) < 1e-3

    def test_same_input_same_bits(self, simulated: SimulatedPair) -> None:
        """Nothing is random."""
        first, second = (self.subtractor().subtract(simulated.pair) for _ in range(2))
        for plane in ("data", "variance", "mask", "score", "flux", "flux_error"):
            assert getattr(first, plane).tobytes() == getattr(second, plane).tobytes()
        assert first.psf.coefficients.tobytes() == second.psf.coefficients.tobytes()

    def test_bad_pixels_cost_their_surroundings_only(self, simulated: SimulatedPair) -> None:
        """Scattered bad pixels have no score, and spoil no others."""
        rng = np.random.default_rng(1)
        new, ref = (with_bad_pixels(frame, 0.003, rng) for frame in (simulated.new, simulated.ref))
        difference = self.subtractor().subtract(replace(simulated.pair, new=new, ref=ref))
        bad = unusable(new.mask) | unusable(ref.mask)
        assert np.array_equal(difference.mask, new.mask | ref.mask)
        assert np.all(np.isfinite(difference.data))
        assert np.all(np.isnan(_score(difference)[bad]))
        # A disc of half a FWHM (2.4 pixels) holds 21 pixels, and the rim of the image is left out.
        assert np.isnan(_score(difference)).mean() < 0.006 * 21 + 0.02
        measured = subtraction_figures(simulated, difference)
        assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
        assert measured.n_false <= 5
        assert measured.n_missed_bright == 0

    def test_saturated_stars_do_not_ring(self, simulated: SimulatedPair) -> None:
        """Masked cores of bright stars leave no false detections."""
        pair = simulated.pair
        level = 20_000.0
        new, ref = with_saturation(pair.new, level), with_saturation(pair.ref, level * pair.flux_ratio)
        assert np.count_nonzero(unusable(new.mask)) > 10
        measured = self.figures(spoilt(simulated, new=new, ref=ref))
        assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
        assert measured.n_false <= 5

    def test_reference_that_covers_a_part(self, simulated: SimulatedPair) -> None:
        """What the reference does not cover has no score; the rest is as good as ever."""
        edge = int(0.6 * simulated.ref.shape[1])
        part = spoilt(simulated, ref=without_columns(simulated.ref, edge))
        difference = self.subtractor().subtract(part.pair)
        assert np.all(np.isnan(_score(difference)[:, edge:]))
        assert difference.metrics["usable_fraction"] == pytest.approx(0.6, abs=0.001)
        measured = subtraction_figures(part, difference)
        assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
        assert measured.n_false <= 4

    def test_hardly_overlapping_pair_is_rejected(self, simulated: SimulatedPair) -> None:
        """A pair with hardly a pixel in common is rejected, and the reason says how many there are."""
        part = replace(simulated.pair, ref=without_columns(simulated.ref, 100))
        with pytest.raises(Rejected, match=r"9\.8% of their pixels") as rejected:
            self.subtractor().subtract(part)
        assert rejected.value.metrics["usable_fraction"] == pytest.approx(0.0977, abs=0.001)

    def test_other_sky_level_is_taken_out(self, simulated: SimulatedPair) -> None:
        """A smooth difference of the two skies leaves no trace."""
        y, x = np.mgrid[: simulated.new.shape[0], : simulated.new.shape[1]] / simulated.new.shape[0]
        sky = (5.0 + 3.0 * x - 4.0 * y**2).astype(np.float32)
        new = simulated.new.replaced(data=simulated.new.data + sky)
        difference = self.subtractor().subtract(replace(simulated.pair, new=new))
        plain = self.subtractor().subtract(simulated.pair)
        left = difference.data - plain.data
        # Half a hundredth of the noise of a pixel, 28 electrons.
        assert np.abs(left[50:-50, 50:-50]).max() < 0.15

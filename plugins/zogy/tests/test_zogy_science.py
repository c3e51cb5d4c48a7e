"""Proper subtraction of simulated pairs against their truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from seechange_core.api import Rejected
from seechange_core.frames import unusable
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_core.simulation.spoiling import with_bad_pixels, with_saturation, without_columns
from seechange_core.testing.subtraction import SubtractionFigures, subtraction_figures
from seechange_zogy import Zogy

Record = Callable[[str, float, str], None]


@pytest.fixture(scope="module")
def simulated(seed: int) -> SimulatedPair:
    return simulated_pair(seed, n_transients=60)


def figures(simulated: SimulatedPair, **parameters: float) -> SubtractionFigures:
    return subtraction_figures(simulated, Zogy(Zogy.Params(**parameters)).subtract(simulated.pair))


def spoilt(simulated: SimulatedPair, **frames: object) -> SimulatedPair:
    return replace(simulated, pair=replace(simulated.pair, **frames))


def test_noise_completeness_and_flux(simulated: SimulatedPair, record_figure: Record) -> None:
    measured = figures(simulated)
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
    record_figure("zogy_score_scatter", measured.score_scatter, "sigma")
    record_figure("zogy_false", measured.n_false, "")
    record_figure("zogy_flux_bias", measured.flux_bias, "")


@pytest.mark.parametrize("seeing", [(1.0, 1.3), (1.1, 1.1)], ids=["reference worse", "equal"])
def test_other_seeing(seed: int, seeing: tuple[float, float]) -> None:
    measured = figures(simulated_pair(seed, new_seeing_arcsec=seeing[0], ref_seeing_arcsec=seeing[1]))
    assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
    assert measured.n_missed_bright == 0
    assert measured.n_false <= 5


def test_registration_term_keeps_stars_out(seed: int) -> None:
    shifted = simulated_pair(seed, misregistration=(0.12, 0.09))
    with_term = figures(shifted)
    blind = spoilt(shifted, registration_error=(0.0, 0.0))
    without_term = figures(blind, min_registration_error=0.0)
    assert with_term.n_false <= 4
    assert without_term.n_false > 10 * max(with_term.n_false, 1)
    assert with_term.n_found >= without_term.n_found - 2


def test_width_term_keeps_stars_out(seed: int) -> None:
    simulated = simulated_pair(seed)
    field = simulated.new_field
    wide = replace(field, fwhm=1.02 * field.fwhm)
    width_error = 0.04 * (field.fwhm / 2.3548) ** 2
    with_term = figures(spoilt(simulated, new_psf=wide.model(), width_error=width_error))
    without_term = figures(spoilt(simulated, new_psf=wide.model()))
    assert with_term.n_false <= 5
    assert without_term.n_false > 3 * max(with_term.n_false, 1)
    assert with_term.n_found >= without_term.n_found - 2


def test_identical_images_leave_nothing(simulated: SimulatedPair) -> None:
    pair = simulated.pair
    same = replace(pair, ref=pair.new, ref_psf=pair.new_psf, flux_ratio=1.0)
    difference = Zogy().subtract(same)
    assert np.abs(difference.data).max() < 1e-2
    assert np.nanmax(np.abs(difference.score)) < 1e-3


def test_same_input_same_bits(simulated: SimulatedPair) -> None:
    first, second = (Zogy().subtract(simulated.pair) for _ in range(2))
    for plane in ("data", "variance", "mask", "score", "flux", "flux_error"):
        assert getattr(first, plane).tobytes() == getattr(second, plane).tobytes()
    assert first.psf.coefficients.tobytes() == second.psf.coefficients.tobytes()


def test_bad_pixels_cost_their_surroundings_only(simulated: SimulatedPair) -> None:
    rng = np.random.default_rng(1)
    new, ref = (with_bad_pixels(frame, 0.003, rng) for frame in (simulated.new, simulated.ref))
    difference = Zogy().subtract(replace(simulated.pair, new=new, ref=ref))
    bad = unusable(new.mask) | unusable(ref.mask)
    assert np.array_equal(difference.mask, new.mask | ref.mask)
    assert np.all(np.isfinite(difference.data))
    assert np.all(np.isnan(difference.score[bad]))
    # A disc of half a FWHM (2.4 pixels) holds 21 pixels, and the rim of the image is left out.
    assert np.isnan(difference.score).mean() < 0.006 * 21 + 0.02
    measured = subtraction_figures(simulated, difference)
    assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
    assert measured.n_false <= 5
    assert measured.n_missed_bright == 0


def test_saturated_stars_do_not_ring(simulated: SimulatedPair) -> None:
    pair = simulated.pair
    level = 20_000.0
    new, ref = with_saturation(pair.new, level), with_saturation(pair.ref, level * pair.flux_ratio)
    assert np.count_nonzero(unusable(new.mask)) > 10
    measured = figures(spoilt(simulated, new=new, ref=ref))
    assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
    assert measured.n_false <= 5


def test_reference_that_covers_a_part(simulated: SimulatedPair) -> None:
    edge = int(0.6 * simulated.ref.shape[1])
    part = spoilt(simulated, ref=without_columns(simulated.ref, edge))
    difference = Zogy().subtract(part.pair)
    assert np.all(np.isnan(difference.score[:, edge:]))
    assert difference.metrics["usable_fraction"] == pytest.approx(0.6, abs=0.001)
    measured = subtraction_figures(part, difference)
    assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
    assert measured.n_false <= 4


def test_hardly_overlapping_pair_is_rejected(simulated: SimulatedPair) -> None:
    part = replace(simulated.pair, ref=without_columns(simulated.ref, 100))
    with pytest.raises(Rejected, match=r"9\.8% of their pixels") as rejected:
        Zogy().subtract(part)
    assert rejected.value.metrics["usable_fraction"] == pytest.approx(0.0977, abs=0.001)


def test_other_sky_level_is_taken_out(simulated: SimulatedPair) -> None:
    y, x = np.mgrid[: simulated.new.shape[0], : simulated.new.shape[1]] / simulated.new.shape[0]
    sky = (5.0 + 3.0 * x - 4.0 * y**2).astype(np.float32)
    new = simulated.new.replaced(data=simulated.new.data + sky)
    difference = Zogy().subtract(replace(simulated.pair, new=new))
    plain = Zogy().subtract(simulated.pair)
    left = difference.data - plain.data
    # Half a hundredth of the noise of a pixel, 28 electrons.
    assert np.abs(left[50:-50, 50:-50]).max() < 0.15

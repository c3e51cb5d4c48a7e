"""Injected sources in simulated pairs: found as often, and measured as bright, as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtr

from seechange_core.frames import Floats, RecoveredTable
from seechange_core.frames.fakes import SKY
from seechange_core.simulation.image_pair import CONDITIONS
from seechange_core.simulation.judgement import half_found_at
from seechange_core.simulation.pair import SimulatedPair
from seechange_core.simulation.significance import cut_around, effective_variance, information
from seechange_core.steps.step import StepResult
from seechange_core.testing.injected_pairs import InjectedPair

pytestmark = pytest.mark.slow
SHAPE = (1536, 1536)
STAMP = 65
#: What the yardstick finds half of, and the scatter of that from one sky to the next.
SNR50, SNR50_SCATTER = 4.75, 0.15


@pytest.fixture(scope="module")
def pair(seed: int) -> InjectedPair:
    return InjectedPair.simulate(
        seed, SHAPE, CONDITIONS["displaced"], ["injection.number=300", "injection.brightest=-1.5"]
    )


@pytest.fixture(scope="module")
def searched(pair: InjectedPair) -> StepResult:
    return pair.searched_again()


@pytest.fixture(scope="module")
def recovered(searched: StepResult) -> RecoveredTable:
    table: RecoveredTable = searched.outputs["recovered"]
    return table


@pytest.fixture(scope="module")
def expected_snr(pair: InjectedPair, recovered: RecoveredTable) -> Floats:
    """Best possible signal-to-noise ratio of each fake, from the true PSFs and variances."""
    return best_snr(pair.simulated, recovered)


def best_snr(simulated: SimulatedPair, fakes: RecoveredTable) -> Floats:
    x, y, flux = fakes["x"], fakes["y"], fakes["flux_electron"]
    new_psf, ref_psf = (field.stamps(x, y, STAMP) for field in (simulated.new_field, simulated.ref_field))
    new, ref = (
        cut_around(frame.variance.astype(np.float64), x, y, STAMP) for frame in (simulated.new, simulated.ref)
    )
    # Light that was taken away has left its noise behind.
    photons = np.maximum(flux, 0.0)[:, None, None] * new_psf
    variances = effective_variance(new_psf, new + photons), effective_variance(ref_psf, ref)
    ratio: Floats = np.abs(flux) * np.sqrt(
        information(new_psf, ref_psf, *variances, simulated.pair.flux_ratio)
    )
    return ratio


def test_half_is_found_where_the_yardstick_finds_half(
    searched: StepResult,
    recovered: RecoveredTable,
    expected_snr: Floats,
    record_figure: Callable[[str, float, str], None],
) -> None:
    curves = searched.outputs["completeness"]
    row = list(zip(curves["environment"], curves["stage"], strict=True)).index(("sky", "detected"))
    sky = recovered["environment"] == SKY
    snr50 = half_found_at(expected_snr[sky], recovered["detected"][sky])
    error = 0.4 * np.log(10.0) * curves["error50"][row] * snr50
    record_figure("snr50 of injected sources, sky", snr50, "")
    record_figure("error of the 50 % magnitude, sky", curves["error50"][row], "mag")
    assert curves["n_fakes"][row] > 150
    assert abs(snr50 - SNR50) < 3.0 * np.hypot(error, SNR50_SCATTER)
    # On empty sky one magnitude is one signal-to-noise ratio, but for what the PSF varies.
    expected = np.median(expected_snr[sky] / np.abs(recovered["flux"][sky])) * curves["flux50"][row]
    assert snr50 == pytest.approx(expected, abs=3.0 * error)


def test_as_many_are_found_as_the_noise_lets_expect(recovered: RecoveredTable, expected_snr: Floats) -> None:
    for sign in (1.0, -1.0):
        chosen = (recovered["environment"] == SKY) & (np.sign(recovered["flux"]) == sign)
        chance = ndtr(expected_snr[chosen] - SNR50)
        # Three sigma of so many trials, and three of what the threshold's place is uncertain by.
        allowed = 3.0 * np.hypot(
            np.sqrt(np.sum(chance * (1.0 - chance))),
            np.sum(ndtr(expected_snr[chosen] - SNR50 + SNR50_SCATTER) - chance),
        )
        assert abs(recovered["detected"][chosen].sum() - chance.sum()) < allowed, sign


def test_fluxes_are_recovered(
    recovered: RecoveredTable, expected_snr: Floats, record_figure: Callable[[str, float, str], None]
) -> None:
    # Bright enough that none is missed for its noise, which would bias the others.
    chosen = (expected_snr > 8.0) & (recovered["environment"] == SKY)
    found = chosen & recovered["measured"]
    assert found.sum() > 0.97 * chosen.sum()
    flux, measured, error = (
        recovered[name][found] for name in ("flux", "measured_flux", "measured_flux_error")
    )
    weight = (flux / error) ** 2
    bias, bias_error = np.average(measured / flux, weights=weight) - 1.0, weight.sum() ** -0.5
    record_figure("flux bias of injected sources", bias, "")
    # The zero point of the PSFs that were measured is good to half a per cent.
    assert abs(bias) < 3.0 * np.hypot(bias_error, 0.005)
    deviation = (measured - flux) / error
    assert np.std(deviation) == pytest.approx(1.0, abs=4.0 / np.sqrt(2.0 * found.sum()))


def test_adding_light_is_subtracting_again(
    pair: InjectedPair, recovered: RecoveredTable, record_figure: Callable[[str, float, str], None]
) -> None:
    full = pair.searched_again(from_before=False).outputs["recovered"]
    assert np.array_equal(full["flux_electron"], recovered["flux_electron"])
    # The full one measures the flux ratio and its error again, on stars some of which have been changed. That matters
    # for what lies on bright stars and galaxies, and for what is at the threshold.
    alone = np.count_nonzero(full["detected"] != recovered["detected"])
    record_figure("fakes found by adding light or by subtracting again alone", alone, "")
    assert alone <= 6
    both = full["measured"] & recovered["measured"] & (recovered["environment"] == SKY)
    deviation = ((recovered["measured_flux"] - full["measured_flux"]) / full["measured_flux_error"])[both]
    record_figure("flux by adding light against subtracting again, largest", np.abs(deviation).max(), "sigma")
    assert np.std(deviation) < 0.05
    assert np.abs(deviation).max() < 0.5
    ratio = (recovered["measured_flux"] / full["measured_flux"])[both]
    # Filters of the place instead of those of the tile's middle, and a sky that was not fitted again.
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.003)
    assert np.std(ratio) < 0.01


def test_an_algorithm_that_cannot_add_light_subtracts_again(seed: int) -> None:
    pair = InjectedPair.simulate(
        seed, (768, 768), CONDITIONS["aligned"], ["injection.number=60", "subtraction.use=alardlupton"]
    )
    again, full = (pair.searched_again(from_before=before).outputs["recovered"] for before in (True, False))
    assert 20 < again["detected"].sum() < 60
    assert np.count_nonzero(again["detected"] != full["detected"]) <= 1

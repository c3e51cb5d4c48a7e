"""Gain, read noise and full well of simulated amplifiers by photon transfer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seechange_core.builtin import simcam_camera as camera
from seechange_core.builtin.detrending import Overscan
from seechange_core.frames import SectionData
from seechange_core.imaging.calibration.photon_transfer import (
    TransferPoints,
    fit_transfer,
    pair_points,
    read_variance,
)
from seechange_core.simulation.detector import cosmic_rays, read_out

SECTION = "C1"
#: Electrons; the brightest are beyond the full well.
LEVELS = (
    1000.0,
    3000.0,
    8000.0,
    20000.0,
    40000.0,
    60000.0,
    80000.0,
    88000.0,
    94000.0,
    100000.0,
    106000.0,
    112000.0,
)


@pytest.fixture(scope="module")
def pairs(seed: int) -> Callable[[float], tuple[SectionData, SectionData]]:
    rng, detector = np.random.default_rng([seed, 50]), camera.detector_of(SECTION)

    def expose(level: float) -> tuple[SectionData, SectionData]:
        both = []
        for lamp in (1.0, 1.004):
            charge = rng.poisson(level * lamp * detector.response) + cosmic_rays(rng, detector.shape, 30)
            raw = read_out(rng, detector, charge, rng.normal(0.0, 2.0)).astype(np.float32)
            both.append(Overscan().apply(SectionData(raw, "adu", detector.amplifiers), {}))
        return both[0], both[1]

    return expose


@pytest.mark.slow
def test_gain_read_noise_and_full_well(
    pairs: Callable[[float], tuple[SectionData, SectionData]],
    seed: int,
    record_figure: Callable[[str, float, str], None],
) -> None:
    detector = camera.detector_of(SECTION)
    flats, biases = [pairs(level) for level in LEVELS], [pairs(0.0) for _ in range(3)]
    for amplifier, bias_level in zip(detector.amplifiers, detector.bias_level_adu, strict=True):
        box = amplifier.trimmed.slices
        points = TransferPoints.joined([pair_points(one.data[box], other.data[box]) for one, other in flats])
        read = np.mean([read_variance(one.data[box], other.data[box]) for one, other in biases])
        curve = fit_transfer(points, float(np.sqrt(read)))
        full_well = (amplifier.saturation_adu + 1500.0 - bias_level) * amplifier.gain
        errors = {
            "gain": curve.gain / amplifier.gain - 1.0,
            "read_noise": curve.read_noise_electron / amplifier.read_noise_electron - 1.0,
            "full_well": curve.full_well_electron / full_well - 1.0,
        }
        for name, error in errors.items():
            record_figure(f"photon_transfer_{name}_{amplifier.name}", 100.0 * error, "per cent")
        assert abs(errors["gain"]) < 0.01
        assert abs(curve.gain - amplifier.gain) < 4.0 * curve.gain_error
        assert abs(errors["read_noise"]) < 0.02
        assert abs(errors["full_well"]) < 0.03


def test_brighter_fatter_effect_does_not_change_the_gain() -> None:
    """Variance that falls behind the mean by 5 % at the brightest level."""
    rng, gain = np.random.default_rng(3), 1.5
    mean = np.repeat(np.geomspace(500.0, 50000.0, 12), 500)
    variance = 16.0 + mean / gain - 0.05 / 50000.0 / gain * mean**2
    points = TransferPoints(mean, variance * (1.0 + np.sqrt(2.0 / 1024) * rng.normal(size=mean.size)))
    curve = fit_transfer(points, 4.0)
    # 6000 variances known to 4.4 % each.
    assert curve.gain == pytest.approx(gain, rel=0.004)
    assert curve.curvature == pytest.approx(-0.05 / 50000.0 / gain, rel=0.2)
    assert np.isnan(curve.full_well_adu)


def test_read_noise_is_fitted_where_there_are_no_biases() -> None:
    rng = np.random.default_rng(4)
    mean = np.repeat(np.geomspace(50.0, 20000.0, 12), 500)
    variance = (36.0 + mean / 2.0) * (1.0 + np.sqrt(2.0 / 1024) * rng.normal(size=mean.size))
    curve = fit_transfer(TransferPoints(mean, variance), None)
    assert curve.gain == pytest.approx(2.0, rel=0.005)
    assert curve.read_noise_electron == pytest.approx(12.0, rel=0.02)


def test_what_tells_no_gain_is_refused() -> None:
    mean = np.linspace(100.0, 1000.0, 200)
    with pytest.raises(ValueError, match="no gain"):
        fit_transfer(TransferPoints(mean, 2000.0 - mean), None)

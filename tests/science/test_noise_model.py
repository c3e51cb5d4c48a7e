"""The variance of empty sky and of stars on simulated raw exposures, in all regimes of noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seechange_core.builtin.detrending import (
    Bias,
    Dark,
    Flat,
    Gain,
    Illumination,
    Noise,
    Overscan,
    Saturation,
)
from seechange_core.frames import CalibrationFrame, Frame
from seechange_core.simulation.detector import read_out
from seechange_core.steps.preprocessing import Preprocessing, PreprocessingParams
from seechange_core.steps.step import StepContext
from seechange_core.testing.raw_scenes import GAINS, SHAPE, amplifiers, detector, section, starlight

Record = Callable[[str, float, str], None]
EXPOSURE_S = 90.0


def processed(
    rng: np.random.Generator, light: np.ndarray, *, n_bias: int, flat_noise: float, dark_adu_s: float
) -> tuple[Frame, np.ndarray, np.ndarray]:
    """Simulate and correct one exposure; returned with the data expected without noise, and the response."""
    v, u = np.meshgrid(np.linspace(-1, 1, SHAPE[0]), np.linspace(-1, 1, SHAPE[1]), indexing="ij")
    response = (1.0 - 0.1 * (u * u + v * v)) * (1.0 + 0.01 * rng.standard_normal(SHAPE))
    illumination = 1.0 + 0.03 * u
    structure = np.tile(3.0 * rng.standard_normal(SHAPE[1]), (SHAPE[0], 1))
    gain = np.repeat(GAINS, SHAPE[1] // 2)[None, :]
    made_by = detector(response, structure)
    charge = rng.poisson(light * response * illumination + dark_adu_s * gain * EXPOSURE_S)
    raw = read_out(rng, made_by, charge.astype(float), rng.normal(0, 2))
    bias_noise = float(np.mean([a.read_noise_electron / a.gain for a in amplifiers()])) / np.sqrt(n_bias)
    per_amplifier = np.repeat([a.read_noise_electron / a.gain for a in amplifiers()], SHAPE[1] // 2)
    bias = structure + rng.standard_normal(SHAPE) * per_amplifier / np.sqrt(n_bias)
    flat = response + flat_noise * rng.standard_normal(SHAPE)
    masters = {
        "bias": CalibrationFrame("bias", bias.astype(np.float32), "b", noise=bias_noise),
        "dark": CalibrationFrame("dark", np.full(SHAPE, dark_adu_s, np.float32), "d"),
        "flat": CalibrationFrame("flat", flat.astype(np.float32), "f", noise=flat_noise),
        "illumination": CalibrationFrame("illumination", illumination.astype(np.float32), "i"),
    }
    components = (Overscan(), Saturation(), Bias(), Dark(), Gain(), Flat(), Illumination(), Noise())
    inputs = {"section": section(raw, made_by), "calibrations": masters}
    context = StepContext({"": components}, None)
    result = Preprocessing().run(inputs, PreprocessingParams(), context)
    assert result.metrics["left_out"] == []
    return result.outputs["image"], light, response * illumination


@pytest.mark.parametrize(
    ("name", "sky", "n_bias", "flat_noise", "dark_adu_s"),
    [
        ("faint_sky", 10.0, 5, 0.003, 0.0),
        ("usual_sky", 400.0, 10, 0.003, 0.0),
        ("bright_sky", 20000.0, 10, 0.004, 0.0),
        ("dark_current", 30.0, 10, 0.003, 0.1),
    ],
)
def test_chi_square_of_empty_sky(
    seed: int, record_figure: Record, name: str, sky: float, n_bias: int, flat_noise: float, dark_adu_s: float
) -> None:
    rng = np.random.default_rng([seed, 41])
    image, truth, _ = processed(
        rng, np.full(SHAPE, sky), n_bias=n_bias, flat_noise=flat_noise, dark_adu_s=dark_adu_s
    )
    residual = (image.data - truth).astype(np.float64)
    chi2 = float((residual**2 / image.variance).mean())
    record_figure(f"chi_square_{name}", chi2, "")
    # 260000 pixels give it to 0.3 per cent.
    assert chi2 == pytest.approx(1.0, abs=0.02)


def expected_variance(light: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The variance with ten bias frames and a flat noise of 0.003."""
    read_noise = np.repeat([a.read_noise_electron for a in amplifiers()], SHAPE[1] // 2)[None, :]
    return light / response + (1.1 * read_noise**2 + (0.003 * light) ** 2) / response**2


@pytest.mark.parametrize(("low", "high", "tolerance"), [(0, 20, 0.02), (20, 200, 0.04), (200, 1e4, 0.05)])
def test_variance_follows_the_light_of_stars(seed: int, low: float, high: float, tolerance: float) -> None:
    rng = np.random.default_rng([seed, 42])
    stars = starlight(rng, 400, 1e5)
    image, truth, response = processed(rng, stars + 200.0, n_bias=10, flat_noise=0.003, dark_adu_s=0.0)
    chosen = (stars >= low) & (stars < high)
    expected = expected_variance(truth, response)
    ratio = (image.variance / expected)[chosen]
    assert ratio.mean() == pytest.approx(1.0, abs=tolerance)


def test_variance_beside_a_saturated_star_knows_its_light(seed: int) -> None:
    rng = np.random.default_rng([seed, 43])
    offset = np.arange(-60, 61)
    radius = np.hypot(*np.meshgrid(offset, offset))
    light = np.full(SHAPE, 100.0)
    light[196:317, 67:188] += 2e6 * (1.0 + (radius / 4.0) ** 2) ** -3
    image, truth, response = processed(rng, light, n_bias=10, flat_noise=0.003, dark_adu_s=0.0)
    core = image.mask != 0
    ring = np.zeros(SHAPE, bool)
    ring[196:317, 67:188] = radius < np.sqrt(core.sum() / np.pi) + 4.0
    ring &= ~core
    assert core.sum() > 50
    # The light falls by a third from pixel to pixel here.
    ratio = (image.variance / expected_variance(truth, response))[ring]
    assert ratio.mean() == pytest.approx(1.0, abs=0.15)

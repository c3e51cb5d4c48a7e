"""Corrections of raw exposures, each against the effect as it was simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from seechange_core.builtin.detrending import (
    Dark,
    Fringe,
    Gain,
    GainMatch,
    Interpolation,
    Linearity,
    Overscan,
    Saturation,
)
from seechange_core.builtin.simcam import Simcam
from seechange_core.frames import CalibrationFrame, CalibrationTable, MaskPlane, SectionData
from seechange_core.simulation.detector import analogue, read_out
from seechange_core.simulation.read_out_effects import bent, bled
from seechange_core.testing.raw_scenes import GAINS, SHAPE, detector, section, starlight

Record = Callable[[str, float, str], None]
BEND = 1.0e-6
EVEN = np.repeat(GAINS, SHAPE[1] // 2)[None, :]
V, U = np.meshgrid(np.linspace(-1, 1, SHAPE[0]), np.linspace(-1, 1, SHAPE[1]), indexing="ij")


def assembled(raw: np.ndarray, **info: object) -> SectionData:
    return Overscan().apply(section(raw, detector(), **info), {})


def test_overscan_follows_the_drift_and_ignores_charge_that_ran_into_it(
    seed: int, record_figure: Record
) -> None:
    rng = np.random.default_rng([seed, 51])
    made_by = detector()
    rows = np.arange(SHAPE[0])
    drift = 8.0 * np.sin(2 * np.pi * rows / SHAPE[0])
    raw = np.full(made_by.raw_shape, 1200.0) + drift[:, None]
    raw += rng.normal(0, 1.75, raw.shape)
    # A bright star's row trails into the overscan, and a bleed trail crosses it.
    raw[200:212, :50] += np.linspace(400, 20, 50)
    raw[300, :50] += 3000.0
    data = assembled(np.rint(raw)).data[:, : SHAPE[1] // 2]
    error = data.mean(axis=1)
    record_figure("overscan_row_level_worst", float(np.abs(error).max()), "ADU")
    record_figure("overscan_row_level_rms", float(error.std()), "ADU")
    # The mean of 256 pixels is known to 0.11, the smoothed level to 0.04; smoothing over 51 rows flattens 0.15.
    assert np.abs(error).max() < 0.6
    assert error.std() < 0.2


@pytest.mark.parametrize("form", ["table", "polynomial"])
def test_linearity_is_restored(seed: int, record_figure: Record, form: str) -> None:
    rng = np.random.default_rng([seed, 52])
    steps = np.geomspace(400.0, 200000.0, 32)
    light = np.repeat(np.repeat(steps, 16)[:, None], SHAPE[1], axis=1)
    raw = analogue(rng, detector(), rng.poisson(light).astype(float), 0.0, lambda s: bent(s, BEND))
    measured = assembled(np.rint(raw))
    true = np.arange(0.0, 62000.0, 250.0)
    if form == "table":
        lines = [f"C1{amp},{bent(s, BEND)},{s}" for amp in "AB" for s in true]
        text = "\n".join(["amplifier,measured_adu,linear_adu", *lines])
    else:
        powers = bent(true, BEND)[:, None] ** np.arange(1, 5)
        terms = np.linalg.lstsq(powers / powers[-1], true, rcond=None)[0] / powers[-1]
        text = "\n".join(["amplifier,c1,c2,c3,c4", *(f"C1{a},{','.join(map(str, terms))}" for a in "AB")])
    table = Linearity().read_tables("linearity", text, Simcam())["C1"]
    done = Linearity().apply(measured, {"linearity": CalibrationTable("linearity", table, "id")})
    before, after = (
        np.abs((one.data * EVEN / light).reshape(32, 16 * SHAPE[1]).mean(axis=1)[8:] - 1.0).max()
        for one in (measured, done)
    )
    record_figure(f"linearity_{form}_worst", 100.0 * float(after), "%")
    assert before > 0.03
    # 8000 pixels of 2000 electrons and more give the mean to 0.03 per cent.
    assert after < 1.2e-3
    assert done.amplifiers[0].saturation_adu > measured.amplifiers[0].saturation_adu


def test_dark_current_is_scaled_by_time(seed: int, record_figure: Record) -> None:
    rng = np.random.default_rng([seed, 53])
    rate_adu = 0.05 * np.exp(rng.standard_normal(SHAPE)) + 0.1 * (V > 0.8)
    exposure_s = 300.0
    light = np.full(SHAPE, 100.0)
    raw = read_out(rng, detector(), rng.poisson(light + rate_adu * EVEN * exposure_s).astype(float))
    dark = CalibrationFrame("dark", rate_adu.astype(np.float32), "dark-id")
    done = Dark().apply(assembled(raw, exposure_s=exposure_s), {"dark": dark})
    residual = done.data - light / EVEN
    left = [float(residual[where].mean()) for where in (V > 0.8, V <= 0.8, rate_adu > 0.2)]
    record_figure("dark_residual", max(map(abs, left)), "ADU")
    # Of some 25 ADU; means of 15000 pixels and more are known to 0.03, the bias level to 0.05.
    assert max(map(abs, left)) < 0.25
    assert done.applied[-1] == ("dark", "dark-id")


def fringed(
    rng: np.random.Generator, amplitude: float, sky: float
) -> tuple[SectionData, np.ndarray, np.ndarray]:
    """Electrons with fringes, stars and a gradient; the pattern (scatter 1); and what there is without fringes."""
    waves = [np.sin(2 * np.pi * (a * U + b * V) + c) for a, b, c in rng.uniform(1.0, 6.0, (5, 3))]
    pattern = np.sum(waves, axis=0)
    pattern = (pattern - np.median(pattern)) / pattern.std()
    rest = sky * (1.0 + 0.03 * U) + starlight(rng, 800, 3e5)
    charge = rng.poisson(np.maximum(rest + amplitude * pattern, 0.0)).astype(float)
    raw = read_out(rng, detector(), charge)
    return Gain().apply(assembled(raw), {}), pattern, rest


def test_fringes_are_removed(seed: int, record_figure: Record) -> None:
    rng = np.random.default_rng([seed, 54])
    amplitude = 40.0
    image, pattern, rest = fringed(rng, amplitude, 3000.0)
    noisy = pattern + 0.01 * rng.standard_normal(SHAPE)
    done = Fringe().apply(image, {"fringe": CalibrationFrame("fringe", noisy.astype(np.float32), "f")})
    found, error = done.info["fringe_amplitude"], done.info["fringe_amplitude_error"]
    record_figure("fringe_amplitude_error", 100.0 * abs(found / amplitude - 1.0), "%")
    assert found == pytest.approx(amplitude, abs=max(3.0 * error, 0.01 * amplitude))
    assert error < 0.02 * amplitude
    residual = done.data - rest
    slope = float((residual * pattern)[rest < 3200].sum() / (pattern**2)[rest < 3200].sum())
    record_figure("fringe_left", 100.0 * abs(slope) / amplitude, "%")
    assert abs(slope) < 0.02 * amplitude


def test_fringes_that_are_not_there_are_neither_removed_nor_claimed(seed: int) -> None:
    rng = np.random.default_rng([seed, 55])
    image, pattern, _ = fringed(rng, 0.0, 3000.0)
    frame = {"fringe": CalibrationFrame("fringe", pattern.astype(np.float32), "f")}
    assert Fringe(Fringe.Params(least_significance=4.0)).apply(image, frame) is image
    assert not Fringe().applies_to(section(image.data, detector(), filter="r"))


def test_amplifiers_that_drifted_apart_are_matched(seed: int, record_figure: Record) -> None:
    rng = np.random.default_rng([seed, 56])
    light = 800.0 * (1.0 + 0.05 * U) + starlight(rng, 300, 3e5)
    raw = read_out(rng, detector(), rng.poisson(light).astype(float))
    measured = assembled(raw)
    off = replace(measured.amplifiers[1], gain=measured.amplifiers[1].gain * 1.02)
    image = Gain().apply(measured.replaced(amplifiers=(measured.amplifiers[0], off)), {})
    done = GainMatch().apply(image, {})
    half = SHAPE[1] // 2

    def step(data: np.ndarray) -> float:
        sides = [
            np.median((data / (1.0 + 0.05 * U))[:, place])
            for place in (np.s_[half - 60 : half], np.s_[half : half + 60])
        ]
        return float(sides[1] / sides[0] - 1.0)

    assert step(image.data) == pytest.approx(0.02, abs=0.004)
    record_figure("amplifier_step", 100.0 * abs(step(done.data)), "%")
    assert abs(step(done.data)) < 0.004
    factors = np.array(list(done.info["gain_factors"].values()))
    assert np.prod(factors) == pytest.approx(1.0, abs=1e-6)
    assert GainMatch().apply(Gain().apply(measured, {}), {}).applied[-1] == ("gain", "")


def bright_stars(*electrons: float) -> np.ndarray:
    """Three stars of given fluxes, far from each other, the second and third on the right amplifier."""
    offset = np.arange(-60, 61)
    profile = (1.0 + np.hypot(*np.meshgrid(offset, offset)) ** 2 / 9.0) ** -3.5
    light = np.zeros(SHAPE)
    for y, x, flux in zip((120, 330, 250), (130, 330, 420), electrons, strict=True):
        light[y - 60 : y + 61, x - 60 : x + 61] += flux * profile / profile.sum()
    return light


def test_bleed_trails_are_masked(seed: int, record_figure: Record) -> None:
    rng = np.random.default_rng([seed, 57])
    light = 300.0 + starlight(rng, 300, 2e5)
    light = rng.poisson(light + bright_stars(1.5e7, 6e6, 2.5e7)).astype(float)
    full_well = 160000.0
    charge = bled(light, full_well)
    raw = read_out(rng, detector(saturation_adu=44000.0), charge)
    # The amplifiers' levels, 1200 and 1900 ADU, are part of what saturation is measured by.
    measured = Overscan().apply(section(raw, detector(saturation_adu=37000.0 + 1200.0)), {})
    done = Saturation().apply(measured, {})
    assert done.mask is not None
    gained = charge - np.minimum(light, full_well) > 5.0 * np.sqrt(light + 49.0)
    hidden = (done.mask & (MaskPlane.SATURATED | MaskPlane.BLEED)) != 0
    beyond = gained & (charge < 36000.0 * EVEN)
    assert gained.sum() > 100
    record_figure("bleed_pixels_masked", 100.0 * float(hidden[gained].mean()), "%")
    assert hidden[gained].mean() > 0.99
    assert hidden[beyond].mean() > 0.9
    assert ((done.mask & MaskPlane.BLEED) != 0).sum() > 0.8 * (gained & (charge >= full_well)).sum()
    saturated = charge >= 36300.0 * EVEN
    assert hidden.sum() < 2.0 * (saturated | gained).sum()


def test_stars_that_did_not_bleed_get_no_trails(seed: int) -> None:
    rng = np.random.default_rng([seed, 58])
    light = 300.0 + starlight(rng, 300, 3e5) + bright_stars(4e6, 1.2e7, 8e6)
    raw = read_out(rng, detector(saturation_adu=30000.0), rng.poisson(light).astype(float))
    done = Saturation().apply(Overscan().apply(section(raw, detector(saturation_adu=30000.0)), {}), {})
    assert done.mask is not None
    assert ((done.mask & MaskPlane.SATURATED) != 0).any()
    assert not ((done.mask & MaskPlane.BLEED) != 0).any()


def test_defects_are_interpolated_and_flagged(seed: int, record_figure: Record) -> None:
    rng = np.random.default_rng([seed, 59])
    light = 400.0 * (1.0 + 0.1 * U) + starlight(rng, 300, 1e5)
    data = rng.poisson(light) + rng.normal(0, 7, SHAPE)
    bad = np.zeros(SHAPE, bool)
    bad[:, [100, 101, 300]] = True
    bad[200:204, 400:405] = True
    data[bad] = 1e5
    mask = np.where(bad, MaskPlane.BAD, 0).astype(np.uint16)
    given = section(data, detector()).replaced(mask=mask, unit="electron")
    done = Interpolation().apply(given, {})
    assert done.mask is not None
    flagged = (done.mask & MaskPlane.INTERPOLATED) != 0
    np.testing.assert_array_equal(flagged, bad)
    np.testing.assert_array_equal(done.data[~bad], given.data[~bad])
    pull = (done.data - light)[bad] / np.sqrt(light[bad] + 49.0)
    record_figure("interpolated_bias_on_sky", float(np.median(pull)), "sigma")
    assert abs(np.median(pull)) < 0.1
    assert np.percentile(np.abs(pull), 68) < 1.1

"""Calibration frames of the simulated camera against what its detector truly is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seechange_core.api import Detrender
from seechange_core.builtin import simcam_camera as camera
from seechange_core.builtin.detrending import Bias, Flat, Gain, Overscan, Saturation
from seechange_core.frames import CalibrationFrame, SectionData
from seechange_core.imaging.calibration.bad_pixel_map import HOT, ODD_RESPONSE, bad_pixel_map
from seechange_core.imaging.calibration.calibration_frames import MadeCalibration, make_calibration
from seechange_core.imaging.calibration.exposure_stack import ExposureStack
from seechange_core.imaging.calibration.sky_exposures import smooth_sky, sources_of
from seechange_core.simulation.detector import Detector, cosmic_rays, read_out

pytestmark = pytest.mark.slow

SECTION = "C1"
N_RAYS = 60
Record = Callable[[str, float, str], None]


@pytest.fixture(scope="session")
def detector() -> Detector:
    return camera.detector_of(SECTION)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ExposureStack]:
    with ExposureStack(tmp_path) as opened:
        yield opened


def exposed(
    rng: np.random.Generator, detector: Detector, light: np.ndarray, exposure_s: float = 0.0
) -> tuple[SectionData, np.ndarray]:
    """Expose to light (electron), with cosmic rays; return the raw section and where they hit."""
    hits = cosmic_rays(rng, detector.shape, N_RAYS)
    raw = read_out(rng, detector, rng.poisson(light) + hits, rng.normal(0.0, 2.0))
    info = {"exposure_s": exposure_s}
    return SectionData(raw.astype(np.float32), "adu", detector.amplifiers, info), hits > 0


def corrected(section: SectionData, detector: Detector, *further: Detrender) -> SectionData:
    """Correct a section with the true bias, and what else is given."""
    bias = CalibrationFrame("bias", detector.bias_structure_adu.astype(np.float32), "bias")
    flat = CalibrationFrame("flat", detector.response.astype(np.float32), "flat")
    for component in (Overscan(), Saturation(), Bias(), *further):
        section = component.apply(section, {"bias": bias, "flat": flat})
    return section


def test_bias(detector: Detector, stack: ExposureStack, seed: int, record_figure: Record) -> None:
    rng, number = np.random.default_rng([seed, 40]), 12
    hit = np.zeros(detector.shape, bool)
    for exposure in range(number + 1):
        # In the last one the shutter was not closed.
        light = np.full(detector.shape, 200.0 if exposure == number else 0.0)
        section, hits = exposed(rng, detector, light)
        hit |= hits & (exposure < number)
        stack.add(Overscan().apply(section, {}), name=f"bias {exposure}")
    made = make_calibration("bias", stack, "id")
    assert list(made.rejected) == [f"bias {number}"]
    residual = made.frame.data - detector.bias_structure_adu
    read_noise = np.zeros(detector.shape)
    for amplifier in detector.amplifiers:
        read_noise[amplifier.trimmed.slices] = amplifier.read_noise_electron / amplifier.gain
    ideal = np.sqrt((read_noise**2 + 1.0 / 12.0) / number)
    pull = residual / ideal
    record_figure("bias_noise_over_ideal", pull.std(), "")
    # A million pixels; the overscan's own noise and drift add a percent.
    assert pull.std() == pytest.approx(1.0, abs=0.05)
    # Overscan levels are known to 0.01 ADU each; the drift under the smoothing adds as much.
    assert abs(residual.mean()) < 0.05
    assert abs(pull[hit].mean()) < 5.0 / np.sqrt(hit.sum()) + 0.02
    assert made.metrics["noise"] == pytest.approx(made.metrics["noise_expected"], rel=0.05)


def test_dark(detector: Detector, stack: ExposureStack, seed: int, record_figure: Record) -> None:
    rng, times = np.random.default_rng([seed, 41]), (300.0, 300.0, 300.0, 600.0, 600.0, 900.0, 900.0)
    current = dark_current(rng, detector)
    hit = np.zeros(detector.shape, bool)
    for exposure, exposure_s in enumerate((*times, 300.0)):
        # In the last one the dome was lit.
        leak = 100.0 if exposure == len(times) else 0.0
        section, hits = exposed(rng, detector, current * exposure_s + leak, exposure_s)
        hit |= hits & (exposure < len(times))
        stack.add(corrected(section, detector), name=f"dark {exposure}")
    made = make_calibration("dark", stack, "id")
    assert list(made.rejected) == [f"dark {len(times)}"]
    gain, read_noise = np.ones(detector.shape), np.ones(detector.shape)
    for amplifier in detector.amplifiers:
        gain[amplifier.trimmed.slices] = amplifier.gain
        read_noise[amplifier.trimmed.slices] = amplifier.read_noise_electron
    read_out_variance = read_noise**2 + gain**2 / 12.0
    weights = np.zeros(detector.shape)
    for exposure_s in times:
        weights += exposure_s**2 / (read_out_variance + current * exposure_s)
    pull = (made.frame.data * gain - current) * np.sqrt(weights)
    ordinary = current < 0.5
    record_figure("dark_noise_over_ideal", pull[ordinary].std(), "")
    assert pull[ordinary].std() == pytest.approx(1.0, abs=0.05)
    record_figure("dark_bias_over_noise", pull[ordinary].mean(), "sigma")
    # The errors of the overscan levels, 0.02 ADU, are this large beside a noise of 1 ADU.
    assert abs(pull[ordinary].mean()) < 0.05
    assert abs(pull[hit & ordinary].mean()) < 0.15


def dark_current(rng: np.random.Generator, detector: Detector, n_hot: int = 400) -> np.ndarray:
    """Electrons per second: 0.02, more towards one edge, and hot pixels."""
    ny, nx = detector.shape
    current = np.full(detector.shape, 0.02) * (1.0 + 0.3 * np.linspace(0, 1, ny)[:, None])
    y, x = rng.integers(0, ny, n_hot), rng.integers(0, nx, n_hot)
    current[y, x] += rng.uniform(1.0, 20.0, n_hot)
    return current


def flat_stack(stack: ExposureStack, detector: Detector, rng: np.random.Generator) -> list[float]:
    """Seven good flats under a changing lamp, one saturated, one through another filter; return the good levels."""
    levels = [30000.0 * lamp for lamp in (1.0, 1.05, 0.95, 1.3, 0.7, 1.02, 0.98)]
    gradient = 1.0 + 0.02 * np.linspace(-1, 1, detector.shape[1])[None, :]
    lamps = {f"flat {number}": level for number, level in enumerate(levels)}
    for name, level in {**lamps, "saturated": 150000.0, "other filter": 30000.0}.items():
        light = level * detector.response * (gradient if name == "other filter" else 1.0)
        section, _ = exposed(rng, detector, light, 10.0)
        full = np.mean(section.data >= detector.amplifiers[0].saturation_adu)
        stack.add(corrected(section, detector, Gain()), name=name, saturated_fraction=float(full))
    return levels


def test_flat(detector: Detector, stack: ExposureStack, seed: int, record_figure: Record) -> None:
    levels = flat_stack(stack, detector, np.random.default_rng([seed, 42]))
    made = make_calibration("flat", stack, "id")
    assert list(made.rejected) == ["saturated", "other filter"]
    assert "saturated" in made.rejected["saturated"]
    assert "shape" in made.rejected["other filter"]
    alive = detector.response > 0.5
    error = (made.frame.data / detector.response - 1.0)[alive]
    ideal = 1.0 / np.sqrt(sum(levels))
    record_figure("flat_noise_over_ideal", error.std() / ideal, "")
    assert error.std() == pytest.approx(ideal, rel=0.05)
    # Both medians are known to a thousandth of the pixels' noise and scatter.
    assert abs(error.mean()) < 1e-4
    assert made.metrics["noise"] == pytest.approx(made.metrics["noise_expected"], rel=0.05)


def test_flat_of_drifting_amplifiers(detector: Detector, stack: ExposureStack, seed: int) -> None:
    rng = np.random.default_rng([seed, 43])
    for drift in rng.normal(0.0, 0.02, 5):
        section, _ = exposed(rng, detector, 30000.0 * detector.response, 10.0)
        data = corrected(section, detector, Gain())
        data.data[detector.amplifiers[0].trimmed.slices] *= 1.0 + drift
        stack.add(data)
    made = make_calibration("flat", stack, "id", per_amplifier=True)
    for amplifier in detector.amplifiers:
        box = amplifier.trimmed.slices
        ratio = (made.frame.data / detector.response)[box]
        # Without scaling by amplifier, exposures would differ by 2 % and the clipping cut into them.
        assert (ratio / np.median(ratio))[detector.response[box] > 0.5].std() == pytest.approx(
            1.0 / np.sqrt(150000.0), rel=0.05
        )


def sky_exposures(
    stack: ExposureStack,
    detector: Detector,
    rng: np.random.Generator,
    light: Callable[[int], np.ndarray],
    number: int,
    kind: str,
) -> MadeCalibration:
    """Exposures of light (electron, before the response) with 250 stars each, in other places each time."""
    further = (Gain(),) if kind == "skyflat" else (Flat(), Gain())
    for exposure in range(number):
        stars = np.zeros(detector.shape)
        y, x = rng.integers(0, 1024, 250), rng.integers(0, 1024, 250)
        stars[y, x] = 10.0 ** rng.uniform(3.0, 5.5, 250)
        section, _ = exposed(
            rng, detector, (light(exposure) + gaussian_filter(stars, 1.8)) * detector.response, 60.0
        )
        image = corrected(section, detector, *further)
        sky = smooth_sky(image) if kind == "fringe" else None
        stack.add(image, hidden=sources_of(image), sky=sky, name=f"exposure {exposure}")
    return make_calibration(kind, stack, "id")


def test_sky_flat(detector: Detector, stack: ExposureStack, seed: int, record_figure: Record) -> None:
    levels = (4000.0, 5000.0, 6000.0, 4500.0, 5500.0, 5000.0, 4800.0, 5200.0)
    made = sky_exposures(
        stack,
        detector,
        np.random.default_rng([seed, 44]),
        lambda exposure: np.full(detector.shape, levels[exposure]),
        len(levels),
        "skyflat",
    )
    assert made.frame.kind == "flat"
    alive = detector.response > 0.5
    error = (made.frame.data / detector.response - 1.0)[alive]
    ideal = np.mean(np.sqrt(1.0 / detector.response[alive] / sum(levels)))
    record_figure("sky_flat_noise_over_ideal", error.std() / ideal, "")
    # A tenth of the pixels is hidden behind stars in each exposure, and read noise adds half a per cent.
    assert error.std() == pytest.approx(ideal, rel=0.1)
    # Wings of stars below the threshold: a thousandth of the sky.
    assert abs(np.median(error)) < 1e-3


def test_illumination(detector: Detector, stack: ExposureStack, seed: int, record_figure: Record) -> None:
    v, u = np.meshgrid(np.linspace(-1, 1, 1024), np.linspace(-1, 1, 1024), indexing="ij")
    truth = 1.0 + 0.02 * u - 0.015 * v * v
    made = sky_exposures(
        stack, detector, np.random.default_rng([seed, 45]), lambda exposure: 5000.0 * truth, 6, "illumination"
    )
    error = made.frame.data / (truth / np.median(truth)) - 1.0
    record_figure("illumination_error", 1e3 * error.std(), "per mille")
    assert error.std() < 1e-3
    assert np.median(made.frame.data) == pytest.approx(1.0, abs=1e-5)


def test_fringes(detector: Detector, stack: ExposureStack, seed: int, record_figure: Record) -> None:
    rng = np.random.default_rng([seed, 46])
    # Bands some 40 pixels apart, closer here and there.
    waves = gaussian_filter(rng.normal(size=detector.shape), 12.0)
    truth = np.sin(3.0 * waves / waves.std())
    # The strength of the fringes is not proportional to the sky.
    strengths = 2 * (60.0, 100.0, 80.0, 120.0, 90.0, 70.0, 110.0, 100.0)
    skies = np.linspace(3000.0, 6000.0, len(strengths))
    made = sky_exposures(
        stack,
        detector,
        rng,
        lambda exposure: skies[exposure] + strengths[exposure] * truth,
        len(strengths),
        "fringe",
    )
    correlation = np.corrcoef(made.frame.data.ravel(), truth.ravel())[0, 1]
    record_figure("fringe_correlation", correlation, "")
    assert correlation > 0.99
    assert np.median(made.frame.data) == pytest.approx(0.0, abs=0.01)
    # The amplitude is that of a pattern whose robust scatter is one.
    scatter = 1.4826 * np.median(np.abs(truth - np.median(truth)))
    assert made.metrics["amplitude"] == pytest.approx(np.median(strengths) * scatter, rel=0.05)


def test_bad_pixels(
    detector: Detector, stack: ExposureStack, tmp_path: Path, seed: int, record_figure: Record
) -> None:
    rng = np.random.default_rng([seed, 47])
    response = detector.response.copy()
    y, x = rng.integers(0, 1024, 600), rng.integers(0, 1024, 600)
    response[y, x] *= rng.uniform(0.0, 0.85, 600)
    # A column that is dead halfway, and a dust grain that is wider than the windows of running medians.
    response[300:800, 612] *= 0.3
    response[100:112, 100:112] *= 0.6
    current = dark_current(rng, detector)
    odd, hot = response / detector.response < 0.851, current > 0.9
    odd[:, detector.bad_columns[1]] = True
    with ExposureStack(tmp_path) as darks:
        for _ in range(5):
            section, _ = exposed(rng, detector, 30000.0 * response, 10.0)
            stack.add(corrected(section, detector, Gain()))
            section, _ = exposed(rng, detector, current * 300.0, 300.0)
            darks.add(corrected(section, detector))
        made = bad_pixel_map(stack, darks, "id")
    found = made.frame.data.astype(int)
    for name, truth, bit in (("odd", odd, ODD_RESPONSE), ("hot", hot, HOT)):
        completeness = ((found & bit) != 0)[truth].mean()
        record_figure(f"bad_pixels_{name}_found", 100.0 * completeness, "per cent")
        assert completeness >= 0.99
    false = (found != 0) & ~odd & ~hot
    # Where two wrongs meet, or the truth lies just below its limit, is no false alarm of a good pixel.
    false &= (response / detector.response > 0.98) & (current < 0.1)
    record_figure("bad_pixels_false", false.mean(), "fraction")
    assert false.mean() < 1e-4

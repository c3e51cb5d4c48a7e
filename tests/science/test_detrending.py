"""A detrended exposure of the simulated camera against its truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from seechange_core.builtin import simcam_camera as camera
from seechange_core.builtin.detrending import Bias, CosmicRays, Edges, Flat, Gain, Noise, Overscan, Saturation
from seechange_core.builtin.survey_plan import survey_sky, survey_visits
from seechange_core.frames import CalibrationFrame, Frame, MaskPlane, SectionData, unusable
from seechange_core.imaging.calibration.calibration_frames import combine_calibration
from seechange_core.imaging.masked_pixels import grown
from seechange_core.simulation.detector import cosmic_rays, read_out
from seechange_core.simulation.exposure import static_light
from seechange_core.steps.preprocessing import Preprocessing, PreprocessingParams
from seechange_core.steps.step import StepContext

SECTION, SEED = "C1", 1
VISIT = next(visit for visit in survey_visits(SEED) if visit.is_new)


def raw(pixels: np.ndarray) -> SectionData:
    return SectionData(pixels.astype(np.float32), "adu", camera.detector_of(SECTION).amplifiers)


@pytest.fixture(scope="module")
def masters() -> dict[str, CalibrationFrame]:
    rng, detector = np.random.default_rng(8), camera.detector_of(SECTION)
    biases = [Overscan().apply(raw(camera.expose_bias(rng, detector)), {}) for _ in range(10)]
    bias = combine_calibration("bias", biases, "bias-id")
    flats = [raw(camera.expose_flat(rng, detector)) for _ in range(5)]
    for component in (Overscan(), Bias(), Gain()):
        flats = [component.apply(flat, {"bias": bias}) for flat in flats]
    return {"bias": bias, "flat": combine_calibration("flat", flats, "flat-id")}


@dataclass
class Scene:
    image: Frame
    light: np.ndarray
    hits: np.ndarray
    true_variance: np.ndarray


@pytest.fixture(scope="module")
def scene(masters: dict[str, CalibrationFrame]) -> Scene:
    rng, detector = np.random.default_rng(3), camera.detector_of(SECTION)
    mapping = camera.true_mapping(SECTION, VISIT.ra_deg, VISIT.dec_deg)
    light, _ = static_light(
        survey_sky(SEED), mapping, camera.true_psf(SECTION, VISIT.conditions), VISIT.conditions
    )
    hits = cosmic_rays(rng, detector.shape, 60.0)
    expected = light + VISIT.conditions.sky_electron
    section = raw(read_out(rng, detector, rng.poisson(expected * detector.response) + hits))
    components = (Overscan(), Saturation(), Bias(), Flat(), Gain(), Edges(), CosmicRays(), Noise())
    context = StepContext({"": components}, None)
    inputs = {"section": section, "calibrations": masters}
    result = Preprocessing().run(inputs, PreprocessingParams(), context)
    read_noise = np.zeros(detector.shape)
    for amplifier in detector.amplifiers:
        read_noise[amplifier.trimmed.slices] = amplifier.read_noise_electron
    gain = np.zeros(detector.shape)
    for amplifier in detector.amplifiers:
        gain[amplifier.trimmed.slices] = amplifier.gain
    masters_noise = (masters["bias"].noise * gain) ** 2 + (masters["flat"].noise * expected) ** 2
    true_variance = expected / detector.response + (read_noise**2 + masters_noise) / detector.response**2
    return Scene(result.outputs["image"], light, hits, true_variance)


def test_master_bias(masters: dict[str, CalibrationFrame]) -> None:
    detector = camera.detector_of(SECTION)
    residual = masters["bias"].data - detector.bias_structure_adu
    residual -= np.median(residual)
    # Read noise of about 4 ADU averaged over ten exposures, and the rounding of each.
    assert residual.std() == pytest.approx(np.hypot(3.9, 0.29) / np.sqrt(10), rel=0.05)
    assert np.abs(residual.mean(axis=0)).max() < 0.2
    assert masters["bias"].mask is not None
    assert np.unique(np.nonzero(masters["bias"].mask)[1]).tolist() == [detector.bad_columns[0]]


def test_master_flat(masters: dict[str, CalibrationFrame]) -> None:
    detector = camera.detector_of(SECTION)
    alive = detector.response > 0.5
    error = (masters["flat"].data / detector.response - 1.0)[alive]
    # Five exposures of 30000 electrons: 0.26 per cent a pixel, and no step between the amplifiers.
    assert error.std() == pytest.approx(1.0 / np.sqrt(150000.0), rel=0.05)
    left, right = (
        masters["flat"].data[:, half] / detector.response[:, half] for half in (slice(512), slice(512, None))
    )
    assert np.median(left) == pytest.approx(np.median(right), abs=2e-4)
    assert masters["flat"].mask is not None
    assert np.unique(np.nonzero(masters["flat"].mask)[1]).tolist() == [detector.bad_columns[1]]


def test_empty_sky_has_the_true_level_everywhere(scene: Scene) -> None:
    """What is left of bias, flat and gain errors, in 128 x 128 pixel blocks on either amplifier."""
    usable = ~unusable(scene.image.mask) & (scene.light < 1.0)
    sky = VISIT.conditions.sky_electron
    for y in range(0, 1024, 128):
        for x in range(0, 1024, 128):
            block = slice(y, y + 128), slice(x, x + 128)
            values = (scene.image.data - scene.light)[block][usable[block]]
            # Noise of the mean 0.25 electrons, of the overscan 0.1, drift under the smoothing 0.1.
            assert values.mean() == pytest.approx(sky, abs=1.5)


def test_variance_of_empty_sky(scene: Scene, record_figure: Callable[[str, float, str], None]) -> None:
    empty = ~unusable(scene.image.mask) & (scene.light < 1.0)
    residual = scene.image.data - scene.light - VISIT.conditions.sky_electron
    chi2 = (residual**2 / scene.image.variance)[empty].mean()
    record_figure("chi_square_of_a_simulated_exposure", float(chi2), "")
    # 850000 pixels give it to 0.2 per cent.
    assert chi2 == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("low", "high", "tolerance"), [(0, 30, 0.01), (30, 300, 0.03), (300, 5000, 0.05)])
def test_variance_follows_the_light_of_sources(
    scene: Scene, low: float, high: float, tolerance: float
) -> None:
    chosen = ~unusable(scene.image.mask) & (scene.hits == 0) & (scene.light >= low) & (scene.light < high)
    ratio = scene.image.variance[chosen] / scene.true_variance[chosen]
    assert ratio.mean() == pytest.approx(1.0, abs=tolerance)


def test_variance_does_not_know_the_pixels_own_noise(scene: Scene) -> None:
    chosen = ~unusable(scene.image.mask) & (scene.hits == 0) & (scene.light > 300) & (scene.light < 3000)
    noise = scene.image.data - scene.light - VISIT.conditions.sky_electron
    correlation = np.corrcoef(noise[chosen], (scene.image.variance - scene.true_variance)[chosen])[0, 1]
    # Of 2500 pixels: 0.02 by chance, 0.5 if the variance were the pixel's own value.
    assert abs(correlation) < 0.1


def test_cosmic_rays_are_found_and_stars_left_alone(scene: Scene) -> None:
    found = (scene.image.mask & MaskPlane.COSMIC_RAY) != 0
    already = (scene.image.mask & (MaskPlane.BAD | MaskPlane.SATURATED)) != 0
    strong = (scene.hits > 300) & ~already
    assert found[strong].mean() > 0.97
    assert not (found & ~grown(scene.hits > 0, 1.5) & (scene.light > 200)).any()
    assert (found & ~grown(scene.hits > 0, 1.5)).sum() < 0.1 * strong.sum()

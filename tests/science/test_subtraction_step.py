"""The steps of subtraction and detection, from two calibrated images on different pixels to detections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from seechange_core.api import Subtractor
from seechange_core.errors import Rejected
from seechange_core.frames import (
    AlignedPair,
    BackgroundModel,
    Difference,
    Frame,
    PhotometricSolution,
    SkyMapping,
    SourceTable,
)
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_core.simulation.spoiling import with_bad_pixels
from seechange_core.steps.detection import Detection
from seechange_core.steps.step import CalibratedImage, ReferenceRequest, StepContext
from seechange_core.steps.subtraction import Subtraction
from seechange_core.testing.subtraction import subtraction_figures

SHIFT = (10.37, -6.61)
MAPPING_ERROR = (0.21, -0.16)
DEGREES_PER_PIXEL = 0.26 / 3600
NEW_SKY, REF_SKY = 600.0, 450.0


class PlainDifference(Subtractor):
    """New minus scaled reference, for two images of one seeing; it has no score of its own."""

    name: ClassVar[str] = "plain"
    version: ClassVar[str] = "1.0"

    def subtract(self, pair: AlignedPair) -> Difference:
        scale = np.float32(1 / pair.flux_ratio)
        variance = pair.new.variance + pair.ref.variance * scale**2
        mask = pair.new.mask | pair.ref.mask
        return Difference(pair.new.data - pair.ref.data * scale, variance, mask, pair.new_psf)


@dataclass(frozen=True)
class Scene:
    simulated: SimulatedPair
    inputs: dict[str, Any]
    reference: CalibratedImage


def scene(seed: int, **options: Any) -> Scene:
    """A pair whose reference was taken with another pointing, and has a WCS that is off by a quarter of a pixel."""
    simulated = simulated_pair(seed, misregistration=SHIFT, **options)
    rng = np.random.default_rng([seed, 1])
    new = calibrated(rng, simulated, simulated.new, NEW_SKY, (0.0, 0.0))
    ref = calibrated(rng, simulated, simulated.ref, REF_SKY, SHIFT)
    inputs = {role: getattr(new, role) for role in Subtraction.inputs}
    return Scene(simulated, inputs, ref)


def calibrated(
    rng: np.random.Generator, simulated: SimulatedPair, frame: Frame, sky: float, shift: tuple[float, float]
) -> CalibratedImage:
    is_new = frame is simulated.new
    field = simulated.new_field if is_new else simulated.ref_field
    mapping_error = (0.0, 0.0) if is_new else MAPPING_ERROR
    mesh = np.full((4, 4), sky, np.float32)
    zero_point = simulated.new_zero_point if is_new else simulated.ref_zero_point
    return CalibratedImage(
        image=frame.replaced(data=frame.data + np.float32(sky)),
        background=BackgroundModel(mesh, mesh, (256, 256), frame.shape, sky, 25.0),
        sources=measured_sources(rng, simulated, shift),
        psf=field.model(),
        mapping=SkyMapping(
            (150.0, 2.0),
            (511.5 + shift[0] + mapping_error[0], 511.5 + shift[1] + mapping_error[1]),
            np.diag([-DEGREES_PER_PIXEL, DEGREES_PER_PIXEL]),
        ),
        photometry=PhotometricSolution(zero_point, 0.001, 0.01, 100, "r"),
    )


def measured_sources(
    rng: np.random.Generator, simulated: SimulatedPair, shift: tuple[float, float]
) -> SourceTable:
    """Stars as extraction measures them: the error of a position is 0.6 FWHM / (S/N) and at least 0.01 pixel."""
    stars = simulated.stars
    snr = stars["flux"] / np.sqrt(stars["flux"] + 40_000.0)
    error = np.maximum(0.6 * 4.6 / snr, 0.01)
    columns = {name: np.zeros(len(snr)) for name in SourceTable.COLUMNS}
    return SourceTable(
        columns
        | {
            "x": stars["x"] + shift[0] + error * rng.standard_normal(len(snr)),
            "y": stars["y"] + shift[1] + error * rng.standard_normal(len(snr)),
            "x_error": error,
            "y_error": error,
            "flux": stars["flux"],
            "snr": snr,
            "is_star": np.ones(len(snr), bool),
        }
    ).rows(snr > 5)


def subtract(made: Scene, subtractor: Subtractor) -> tuple[Any, Any]:
    context = StepContext({"": (subtractor,)}, None)
    subtraction = Subtraction().run(
        {**made.inputs, "reference": made.reference}, Subtraction.Params(), context
    )
    detection = Detection().run(subtraction.outputs, Detection.Params(), context)
    return subtraction, detection


def test_reference_is_warped_registered_and_subtracted(
    seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    zogy = pytest.importorskip("seechange_zogy", reason="needs the zogy plugin")
    made = scene(seed)
    subtraction, detection = subtract(made, zogy.Zogy())
    metrics, difference = subtraction.metrics, subtraction.outputs["difference"]
    # Stars tie the two images to 0.02 pixel, although the mapping is off by 0.26.
    assert 0 < metrics["registration_error_x"] < 0.02
    assert metrics["n_registration_stars"] > 60
    assert metrics["flux_ratio"] == pytest.approx(made.simulated.pair.flux_ratio)
    rows, columns = (1024 - abs(shift) for shift in SHIFT[::-1])
    # The kernel that warps reaches 3 pixels, and so loses a rim.
    assert metrics["overlap"] == pytest.approx(rows * columns / 1024**2, abs=0.01)
    figures = subtraction_figures(made.simulated, difference)
    assert figures.score_scatter == pytest.approx(1.0, abs=0.03)
    # The step knows of sources above 5 sigma only; the truth has fainter galaxies, too.
    assert metrics["score_scatter"] == pytest.approx(figures.score_scatter, abs=0.02)
    assert metrics["n_bright_stars"] > 20
    # The mapping is off by a quarter of a pixel and repaired by the stars: they vanish to a per cent.
    assert abs(metrics["star_residual"]) < 0.005
    assert metrics["star_residual_scatter"] < 0.02
    assert metrics["star_residual_significant"] < 0.2
    expected = 5.0 * float(np.nanmedian(difference.flux_error))
    assert metrics["difference_limiting_flux_electron"] == pytest.approx(expected, rel=0.02)
    assert figures.n_found > figures.n_expected - 3 * figures.n_expected_error
    assert figures.n_missed_bright == 0
    # 0.3 are noise; the interpolated PSF of the brightest stars may add some.
    assert figures.n_false <= 4
    assert figures.flux_bias == pytest.approx(0.0, abs=0.01 + 3 * figures.flux_bias_error)
    assert figures.pull_rms == pytest.approx(1.0, abs=0.35)
    assert detection.metrics["n_detections"] == detection.outputs["detections"].n_rows > 0
    record_figure("subtraction_step_score_scatter", figures.score_scatter, "sigma")
    record_figure("subtraction_step_false", figures.n_false, "")


def test_stars_correct_a_zero_point_that_is_off(
    seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    zogy = pytest.importorskip("seechange_zogy", reason="needs the zogy plugin")
    made = scene(seed)
    off = replace(
        made.reference.photometry,
        zero_point=made.reference.photometry.zero_point + 0.03,
        zero_point_error=0.03,
    )
    made = replace(made, reference=replace(made.reference, photometry=off))
    subtraction, _ = subtract(made, zogy.Zogy())
    metrics = subtraction.metrics
    left = metrics["star_flux_ratio"] * 10 ** (0.4 * 0.03) - 1
    record_figure("subtraction_step_flux_ratio_error", left, "")
    # The fluxes of the brightest stars are good to a thousandth, and the light within 1.5 FWHM to another.
    assert abs(left) < 0.002
    assert metrics["star_flux_ratio_error"] < 0.002
    assert metrics["n_flux_ratio_stars"] > 30
    figures = subtraction_figures(made.simulated, subtraction.outputs["difference"])
    assert figures.n_false <= 4
    assert figures.flux_bias == pytest.approx(0.0, abs=0.01 + 3 * figures.flux_bias_error)


def test_aligned_reference_is_in_electrons_of_the_new_image(seed: int) -> None:
    zogy = pytest.importorskip("seechange_zogy", reason="needs the zogy plugin")
    made = scene(seed, n_transients=0)
    subtraction, _ = subtract(made, zogy.Zogy())
    aligned = subtraction.outputs["aligned_reference"]
    new = made.inputs["image"].data - NEW_SKY
    stars = made.simulated.stars
    inside = (np.abs(stars["x"] - 512) < 450) & (np.abs(stars["y"] - 512) < 450) & (stars["flux"] > 5e4)
    ratios = []
    for x, y in zip(stars["x"][inside], stars["y"][inside], strict=True):
        box = np.s_[int(y) - 10 : int(y) + 12, int(x) - 10 : int(x) + 12]
        ratios.append(aligned.data[box].sum() / new[box].sum())
    # The wings of the better PSF are within the box by half a per cent more.
    assert np.median(ratios) == pytest.approx(1.0, abs=0.01)


def test_subtractor_without_a_score_gets_one(seed: int) -> None:
    made = scene(seed, new_seeing_arcsec=1.1, ref_seeing_arcsec=1.1, n_stars=0, n_galaxies=0)
    made = replace(
        made,
        inputs={
            **made.inputs,
            "image": with_bad_pixels(made.inputs["image"], 1e-3, np.random.default_rng(2)),
        },
    )
    subtraction, _ = subtract(made, PlainDifference())
    difference = subtraction.outputs["difference"]
    figures = subtraction_figures(made.simulated, difference)
    assert figures.score_scatter == pytest.approx(1.0, abs=0.03)
    assert figures.n_missed_bright == 0
    assert figures.n_false <= 3
    assert figures.flux_image_bias == pytest.approx(0.0, abs=0.01 + 3 * figures.flux_bias_error)


def test_too_few_stars_to_register_is_said_and_allowed_for(seed: int) -> None:
    made = scene(seed, n_stars=0, n_galaxies=0, n_transients=0)
    subtraction, detection = subtract(made, PlainDifference())
    assert subtraction.metrics["n_registration_stars"] == 0
    assert subtraction.metrics["registration_error_x"] == Subtraction.Params().unmeasured_registration_error
    # Peaks of Gaussian noise beyond 5 sigma: 0.3 a million pixels.
    assert detection.metrics["n_detections"] <= 3


def test_reference_elsewhere_is_rejected(seed: int) -> None:
    made = scene(seed, n_stars=0, n_galaxies=0, n_transients=0)
    far = replace(made.reference, mapping=replace(made.reference.mapping, crval=(151.0, 2.0)))
    with pytest.raises(Rejected, match=r"the reference cannot be brought to the new image: .*overlap"):
        subtract(replace(made, reference=far), PlainDifference())


def test_reference_is_asked_for_by_set_camera_and_overlap(seed: int) -> None:
    params = Subtraction.Params(reference_set="deep", reference_instrument="decam", min_overlap=0.7)
    context = StepContext({}, None)
    assert Subtraction().requests({}, params, context) == (ReferenceRequest("deep", 0.7, "decam"),)


def test_difference_full_of_detections_is_rejected(seed: int) -> None:
    made = scene(seed, n_stars=300, n_galaxies=0, n_transients=0)
    wrong = replace(made.reference, photometry=replace(made.reference.photometry, zero_point=31.5))
    context = StepContext({"": (PlainDifference(),)}, None)
    outputs = Subtraction().run({**made.inputs, "reference": wrong}, Subtraction.Params(), context).outputs
    with pytest.raises(Rejected, match="at most 20 are believed"):
        Detection().run(outputs, Detection.Params(max_detections=20), context)

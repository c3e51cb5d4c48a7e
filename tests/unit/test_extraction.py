"""The extraction step on small images: masks, senseless pixels, empty and constant images."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import correlate

from seechange_core.api import Rejected
from seechange_core.builtin.background_sep import SepBackground, SepBackgroundParams
from seechange_core.builtin.psf_pixelgrid import PixelGridParams, PixelGridPsf
from seechange_core.builtin.psf_supplied import SuppliedPsf
from seechange_core.frames import BackgroundModel, Floats, Frame, MaskPlane, PsfModel
from seechange_core.imaging.background.mesh import without_outliers
from seechange_core.imaging.background.smooth_background import background_image
from seechange_core.imaging.matched_filter import gaussian_profile, significance
from seechange_core.steps.extraction import Extraction, ExtractionParams
from seechange_core.steps.step import StepContext, StepResult

SKY, NOISE = 200.0, 15.0
POSITIONS = np.array(
    [[40.3, 50.8], [150.1, 60.4], [90.6, 160.2], [200.7, 190.9], [60.2, 220.5], [170.9, 120.1]]
)
FLUX = np.array([60000.0, 50000.0, 40000.0, 30000.0, 20000.0, 10000.0])


def psf() -> PsfModel:
    offset = np.arange(-12, 13)
    profile = np.exp(-0.5 * (offset / 1.7) ** 2)
    return PsfModel((np.outer(profile, profile) / profile.sum() ** 2)[None].astype(np.float32), fwhm=4.0)


def image(sky: float = SKY) -> Frame:
    data = np.random.default_rng(7).normal(sky, NOISE, (256, 256))
    for (x, y), flux, stamp in zip(POSITIONS, FLUX, psf().stamps(*POSITIONS.T), strict=True):
        i, j = int(x + 0.5) - 12, int(y + 0.5) - 12
        data[j : j + 25, i : i + 25] += flux * stamp
    return Frame(
        data, np.full(data.shape, NOISE**2), np.zeros(data.shape, np.uint16), {"pixel_scale_arcsec": 0.5}
    )


def extract(
    frame: Frame, params: ExtractionParams | None = None, supplied: PsfModel | None = None
) -> StepResult:
    estimator = PixelGridPsf() if supplied is None else SuppliedPsf()
    components = {"background": (SepBackground(),), "psf": (estimator,)}
    context = StepContext(components, None)
    return Extraction().run({"image": frame, "supplied_psf": supplied}, params or ExtractionParams(), context)


def fluxes(result: StepResult) -> Floats:
    """PSF fluxes in the order of `FLUX`; every source must be there."""
    sources = result.outputs["sources"]
    distance = np.hypot(POSITIONS[:, :1] - sources["x"], POSITIONS[:, 1:] - sources["y"])
    assert distance.min(axis=1).max() < 0.2
    return np.asarray(sources["flux"][distance.argmin(axis=1)])


def test_few_stars_give_a_constant_psf_and_their_fluxes() -> None:
    result = extract(image())
    # Errors are 90 electrons and, common to all, those of the PSF from six stars.
    np.testing.assert_allclose(fluxes(result), FLUX, rtol=0.02)
    assert result.metrics["psf_degree"] == 0
    assert result.metrics["n_stars"] == 6
    assert result.metrics["fwhm_pixel"] == pytest.approx(4.0, rel=0.03)
    assert result.metrics["seeing_arcsec"] == pytest.approx(0.5 * result.metrics["fwhm_pixel"])
    assert result.metrics["rms_electron"] == pytest.approx(NOISE, rel=0.02)
    assert result.outputs["sources"]["is_star"].all()


def test_supplied_psf_serves_without_stars() -> None:
    result = extract(image(), supplied=psf())
    np.testing.assert_allclose(fluxes(result), FLUX, rtol=0.02)
    assert result.metrics["n_stars"] == 0


def test_sky_of_zero() -> None:
    result = extract(image(sky=0.0))
    assert abs(result.metrics["background_electron"]) < 0.03 * NOISE
    np.testing.assert_allclose(fluxes(result), FLUX, rtol=0.02)


def test_input_is_not_changed() -> None:
    frame = image()
    frame.data[3, 3] = np.nan
    before = [plane.copy() for plane in (frame.data, frame.variance, frame.mask)]
    extract(frame)
    for plane, old in zip((frame.data, frame.variance, frame.mask), before, strict=True):
        np.testing.assert_array_equal(plane, old)


def test_masked_and_senseless_pixels_do_not_count() -> None:
    frame = image()
    data, variance, mask = frame.data.copy(), frame.variance.copy(), frame.mask.copy()
    data[:, 100], mask[:, 100] = 1e6, MaskPlane.BAD
    data[20:24], variance[30], data[210, 5:90] = np.nan, 0.0, np.inf
    # A pixel of the brightest star's core.
    data[51, 40], mask[51, 40] = -1e5, MaskPlane.COSMIC_RAY
    result = extract(Frame(data, variance, mask, frame.info))
    np.testing.assert_allclose(fluxes(result), FLUX, rtol=0.02)
    assert result.outputs["sources"].n_rows < 10
    brightest = result.outputs["sources"]["flux"].argmax()
    assert result.outputs["sources"]["mask"][brightest] & MaskPlane.COSMIC_RAY


def test_suspect_pixels_do_count() -> None:
    frame = image()
    suspect = frame.replaced(mask=np.full(frame.shape, MaskPlane.SUSPECT, np.uint16))
    np.testing.assert_array_equal(fluxes(extract(suspect)), fluxes(extract(frame)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mask": np.full((256, 256), MaskPlane.NO_DATA, np.uint16)}, "usable"),
        ({"data": np.full((256, 256), np.nan, np.float32)}, "usable"),
        ({"variance": np.zeros((256, 256), np.float32)}, "usable"),
        ({"data": np.full((256, 256), 100.0, np.float32)}, "constant"),
        (
            {"data": np.random.default_rng(1).normal(0, NOISE, (256, 256)).astype(np.float32)},
            "sources were found",
        ),
    ],
)
def test_images_beyond_use_are_rejected(change: dict[str, np.ndarray], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        extract(image().replaced(**change), ExtractionParams(threshold=6.0))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"min_sources": 50}, "50 are needed"),
        ({"max_fwhm_pixel": 3.0}, "outside of 1 to 3"),
        ({"max_seeing_arcsec": 1.5}, "limit 1.5"),
    ],
)
def test_limits_reject(limits: dict[str, float], reason: str) -> None:
    with pytest.raises(Rejected, match=reason) as caught:
        extract(image(), ExtractionParams(**limits))
    assert caught.value.metrics["n_sources"] >= 6


def test_too_few_stars_are_named() -> None:
    components = {"background": (SepBackground(),), "psf": (PixelGridPsf(PixelGridParams(min_stars=20)),)}
    context = StepContext(components, None)
    with pytest.raises(Rejected, match="20 are needed"):
        Extraction().run({"image": image()}, ExtractionParams(), context)


def test_parameters_must_make_sense() -> None:
    with pytest.raises(ValidationError, match="ascend"):
        ExtractionParams(aperture_radii_fwhm=(2.0, 1.0))
    with pytest.raises(ValidationError, match="odd"):
        SepBackgroundParams(filter_cells=4)


def test_significance_has_unit_scatter_and_is_a_weighted_sum() -> None:
    random = np.random.default_rng(5)
    variance = random.uniform(1, 4, (200, 180)).astype(np.float32)
    data = (random.normal(size=variance.shape) * np.sqrt(variance)).astype(np.float32)
    mask = random.random(variance.shape) < 0.03
    found = significance(data, variance, mask, 3.0)
    # 36,000 pixels, of which some 20 share one noise: 2 %.
    assert found[~mask].std() == pytest.approx(1.0, abs=0.06)
    half = gaussian_profile(3.0)
    profile = np.concatenate([half[:0:-1], half])
    kernel = np.outer(profile, profile)
    weight = np.where(mask, 0.0, 1.0 / variance)
    expected = correlate(weight * data, kernel, mode="constant") / np.sqrt(
        correlate(weight, kernel**2, mode="constant")
    )
    np.testing.assert_allclose(found, np.where(mask, 0.0, expected), atol=1e-4)


def test_background_is_drawn_through_the_mesh() -> None:
    level = np.random.default_rng(2).normal(100, 5, (3, 4)).astype(np.float32)
    model = BackgroundModel(level, level, (21, 31), (63, 120), 100.0, 5.0)
    drawn = background_image(model)
    assert drawn.shape == (63, 120)
    # Odd sides put the middle of a cell on a pixel.
    np.testing.assert_allclose(drawn[10::21, 15::31], level, rtol=1e-5)
    flat = BackgroundModel(level[:1, :1], level[:1, :1], (63, 120), (63, 120), 100.0, 5.0)
    np.testing.assert_array_equal(background_image(flat), np.full((63, 120), level[0, 0]))


def test_mesh_keeps_gradients_and_loses_outliers() -> None:
    gradient = np.add.outer(np.arange(8.0), np.arange(9.0)).astype(np.float32)
    np.testing.assert_array_equal(without_outliers(gradient, 3), gradient)
    spoiled = gradient.copy()
    spoiled[3, 4], spoiled[6, 2], spoiled[0, 8] = 500.0, np.nan, np.nan
    np.testing.assert_allclose(without_outliers(spoiled, 3), gradient, atol=1.01)

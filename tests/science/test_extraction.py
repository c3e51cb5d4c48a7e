"""Extraction against truth: stars of known flux and position on a known sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from seechange_core.builtin.background_sep import SepBackground
from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.frames import Frame, SourceTable
from seechange_core.imaging.background.smooth_background import background_image
from seechange_core.imaging.psf.photometry import fit_point_sources
from seechange_core.imaging.usable_pixels import unusable_pixels
from seechange_core.steps.extraction import Extraction, ExtractionParams
from seechange_core.steps.step import StepContext, StepResult

SIDE = 1440
SPACING = 48
FWHM = 4.0
BETA = 3.5
SKY = 400.0
READ_NOISE = 5.0
STAMP_HALF = 40

Record = Callable[[str, float, str], None]


def moffat(x: float, y: float, fwhm: float, half: int = STAMP_HALF, over: int = 5) -> NDArray[np.float64]:
    """A star of flux 1 at an offset from the middle of a stamp, integrated over pixels."""
    step = (np.arange(over) + 0.5) / over - 0.5
    fine = (np.arange(-half, half + 1)[:, None] + step).ravel()
    width = fwhm / 2 / np.sqrt(2 ** (1 / BETA) - 1)
    value = (1 + ((fine[None, :] - x) ** 2 + (fine[:, None] - y) ** 2) / width**2) ** -BETA
    value *= (BETA - 1) / (np.pi * width**2 * over**2)
    side = 2 * half + 1
    return value.reshape(side, over, side, over).sum(axis=(1, 3))


def local_fwhm(x: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
    """The PSF is 6 % wider on the right than on the left."""
    return FWHM * (1 + 0.06 * (x / SIDE - 0.5))


def noise_of_flux(flux: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
    """Error of an optimal PSF flux in the limits of sky and of source noise, added."""
    stamp = moffat(0.0, 0.0, FWHM)
    return np.sqrt((SKY + READ_NOISE**2) / (stamp**2).sum() + flux)


@dataclass(frozen=True)
class Field:
    frame: Frame
    sky: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flux: NDArray[np.float64]


@pytest.fixture(scope="module")
def field(seed: int) -> Field:
    """A grid of 841 isolated stars with S/N from 20 to 1000 and random subpixel phases, on a sky with a gradient."""
    random = np.random.default_rng(seed)
    nodes = np.arange(SPACING, SIDE - SPACING + 1, SPACING).astype(float)
    x, y = (grid.ravel() + random.uniform(-3, 3, len(nodes) ** 2) for grid in np.meshgrid(nodes, nodes))
    snr = 20 * 50 ** random.uniform(0, 1, len(x))
    sky_limited = (SKY + READ_NOISE**2) / (moffat(0, 0, FWHM) ** 2).sum()
    flux = 0.5 * snr**2 * (1 + np.sqrt(1 + 4 * sky_limited / snr**2))
    light = np.zeros((SIDE + 2 * STAMP_HALF, SIDE + 2 * STAMP_HALF))
    for star_x, star_y, star_flux in zip(x, y, flux, strict=True):
        i, j = int(np.floor(star_x + 0.5)), int(np.floor(star_y + 0.5))
        side = 2 * STAMP_HALF + 1
        light[j : j + side, i : i + side] += star_flux * moffat(
            star_x - i, star_y - j, float(local_fwhm(star_x))
        )
    light = light[STAMP_HALF:-STAMP_HALF, STAMP_HALF:-STAMP_HALF]
    sky = SKY * (1 + 0.05 * np.linspace(-1, 1, SIDE))[None, :] * np.ones((SIDE, 1))
    data = random.poisson(light + sky) + random.normal(0, READ_NOISE, light.shape)
    variance = light + sky + READ_NOISE**2
    info = {"pixel_scale_arcsec": 0.26}
    return Field(Frame(data, variance, np.zeros(light.shape, np.uint16), info), sky, x, y, flux)


def run(frame: Frame) -> StepResult:
    components = {"background": (SepBackground(),), "psf": (PixelGridPsf(),)}
    context = StepContext(components, None)
    return Extraction().run({"image": frame, "supplied_psf": None}, ExtractionParams(), context)


@pytest.fixture(scope="module")
def result(field: Field) -> StepResult:
    return run(field.frame)


@pytest.fixture(scope="module")
def matched(field: Field, result: StepResult) -> tuple[SourceTable, NDArray[np.intp]]:
    """The source of each true star, in the order of truth; every star above S/N 20 must be there."""
    sources = result.outputs["sources"]
    distance = np.hypot(field.x[:, None] - sources["x"], field.y[:, None] - sources["y"])
    nearest = distance.argmin(axis=1)
    assert distance.min(axis=1).max() < 1.0
    return sources, nearest


def test_psf_flux_is_unbiased_and_its_error_right(
    field: Field, matched: tuple[SourceTable, NDArray[np.intp]], record_figure: Record
) -> None:
    sources, row = matched
    flux, error = sources["flux"][row], sources["flux_error"][row]
    for low, high in ((20, 100), (100, 1000)):
        chosen = (field.flux / error >= low) & (field.flux / error < high)
        ratio = np.average((flux / field.flux)[chosen], weights=(field.flux / error)[chosen] ** 2)
        pulls = ((flux - field.flux) / error)[chosen]
        record_figure(f"psf_flux_bias_snr{low}", 100 * (ratio - 1), "%")
        record_figure(f"psf_flux_pull_snr{low}", float(pulls.std()), "sigma")
        # The statistical error of the mean is 0.1 %; 0.04 % of a star's light lies beyond 5 FWHM.
        assert abs(ratio - 1) < 0.005
        # 300 pulls have a standard deviation good to 4 %; above S/N 500 the PSF's own error of 0.1 % counts.
        assert 0.88 < pulls.std() < 1.15


def test_positions_reach_the_statistical_limit(
    field: Field, matched: tuple[SourceTable, NDArray[np.intp]], record_figure: Record
) -> None:
    sources, row = matched
    for name, truth in (("x", field.x), ("y", field.y)):
        pulls = (sources[name][row] - truth) / sources[f"{name}_error"][row]
        record_figure(f"position_pull_{name}", float(pulls.std()), "sigma")
        # 841 pulls: 2.4 % statistical; differences of fourth order make the error 1 to 2 % wrong.
        assert 0.9 < pulls.std() < 1.1


def test_psf_agrees_with_the_truth(field: Field, result: StepResult, record_figure: Record) -> None:
    psf = result.outputs["psf"]
    assert result.metrics["n_stars"] >= 200
    half = psf.size // 2
    offset = np.arange(-half, half + 1)
    core = np.hypot(offset[:, None], offset[None, :]) <= 1.5 * FWHM
    residuals = []
    for x in (100.0, 700.0, 1300.0):
        for y in (100.0, 1300.0):
            truth = moffat(0, 0, float(local_fwhm(x)), half)
            difference = psf.centred(x, y) - truth
            residuals.append(np.sqrt((difference[core] ** 2).mean()) / truth.max())
    record_figure("psf_residual", 100 * float(np.mean(residuals)), "% of peak")
    # 300 stars of S/N above 250: their noise alone leaves 0.05 to 0.1 % with six free terms a pixel.
    assert np.mean(residuals) < 0.0015
    assert psf.fwhm == pytest.approx(FWHM, rel=0.04)
    # What is reported of stars left out contains their own noise and must not be far off the truth.
    assert result.metrics["psf_residual"] < 0.002
    assert result.metrics["psf_chi2"] == pytest.approx(1.0, abs=0.15)


def test_limiting_flux_is_what_injected_sources_scatter_by(
    field: Field, result: StepResult, record_figure: Record
) -> None:
    psf, background = result.outputs["psf"], result.outputs["background"]
    limit = result.outputs["sources"].meta["limiting_flux_electron"]
    # Between the stars, 34 pixels from the nearest four, the sky is empty: fluxes at fixed positions scatter by the
    # limit / 5.
    nodes = np.arange(1.5 * SPACING, SIDE - 1.5 * SPACING + 1, SPACING)
    x, y = (grid.ravel() for grid in np.meshgrid(nodes, nodes))
    data = field.frame.data - background_image(background)
    stamps = psf.stamps(x, y, 17)
    fluxes = []
    for i, j, stamp in zip(x.astype(int), y.astype(int), stamps, strict=True):
        pixels = np.s_[j - 8 : j + 9, i - 8 : i + 9]
        fluxes.append((data[pixels] * stamp).sum() / (stamp**2).sum())
    measured = 5 * np.std(fluxes)
    magnitudes = 2.5 * np.log10(measured / limit)
    record_figure("limiting_magnitude_error", magnitudes, "mag")
    # 784 fluxes: 2.5 % or 0.028 mag statistical; the limit holds for the middle of a sky that varies by 5 %.
    assert abs(magnitudes) < 0.08


def test_background_is_unbiased(field: Field, result: StepResult, record_figure: Record) -> None:
    noise = np.sqrt(SKY + READ_NOISE**2)
    error = (background_image(result.outputs["background"]) - field.sky) / noise
    record_figure("background_bias", 100 * float(error.mean()), "% of sky noise")
    # A star of S/N 20 to 1,000 on every 48 x 48 pixels.
    assert abs(error.mean()) < 0.01
    assert error.std() < 0.05


def test_aperture_corrected_flux_agrees_with_psf_flux(
    field: Field, matched: tuple[SourceTable, NDArray[np.intp]]
) -> None:
    sources, row = matched
    bright = field.flux > np.quantile(field.flux, 0.7)
    aperture = sources["aperture_flux"][row, -1] * 10 ** (-0.4 * sources.meta["aperture_correction"])
    # 250 stars of S/N 370 and more: 0.05 % statistical; half a per cent for the sky's error in the aperture.
    assert np.median((aperture / field.flux)[bright]) == pytest.approx(1.0, abs=0.005)


def test_blended_stars_are_separated(result: StepResult, seed: int) -> None:
    """Pairs 1.5 FWHM apart: fluxes with errors that stay right although each lies on the other."""
    random = np.random.default_rng(seed)
    psf = result.outputs["psf"]
    n, side = 100, 25 * 40
    base = np.stack(np.divmod(np.arange(n), 10), axis=1) * 100.0 + 50.0
    base += random.uniform(-0.5, 0.5, base.shape)
    angle = random.uniform(0, 2 * np.pi, n)
    other = base + 1.5 * FWHM * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x, y = np.concatenate([base, other]).T
    flux = np.repeat([60000.0, 30000.0], n)
    light = np.zeros((side, side))
    for corner_x, corner_y, stamp, star_flux in zip(
        np.floor(x + 0.5).astype(int) - psf.size // 2,
        np.floor(y + 0.5).astype(int) - psf.size // 2,
        psf.stamps(x, y),
        flux,
        strict=True,
    ):
        light[corner_y : corner_y + psf.size, corner_x : corner_x + psf.size] += star_flux * stamp
    data = random.poisson(light.clip(0) + SKY) - SKY
    frame = Frame(data, light + SKY, np.zeros(light.shape, np.uint16))
    start_x, start_y = x + random.normal(0, 0.2, len(x)), y + random.normal(0, 0.2, len(y))
    point, _ = fit_point_sources(
        frame.data, frame.variance, unusable_pixels(frame), psf, start_x, start_y, rounds=3
    )
    # Wings beyond the fitted pixels leave 0.3 %; without regard to the neighbour the fainter would be 20 % too bright.
    assert np.median(point.flux / flux) == pytest.approx(1.0, abs=0.005)
    assert ((point.flux - flux) / point.flux_error).std() < 1.3


def test_same_input_gives_the_same_bits(field: Field, result: StepResult) -> None:
    again = run(field.frame)
    for name in result.outputs["sources"]:
        np.testing.assert_array_equal(again.outputs["sources"][name], result.outputs["sources"][name])
    np.testing.assert_array_equal(again.outputs["psf"].coefficients, result.outputs["psf"].coefficients)
    np.testing.assert_array_equal(again.outputs["background"].level, result.outputs["background"].level)
    assert again.metrics == result.metrics

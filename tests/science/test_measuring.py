"""Candidates on difference images with known truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from seechange_core.frames import DecisionTable, Difference, Floats, MaskPlane, PsfModel
from seechange_core.imaging.candidates.measurement import measure_candidates
from seechange_core.steps.measuring import MeasuringParams

NOISE_ELECTRON = 30.0
SPACING_PIXEL = 30


def gaussian_psf(fwhm: float) -> PsfModel:
    edges = np.arange(26) - 12.5
    profile = np.diff(ndtr(edges * 2.3548 / fwhm))
    return PsfModel(np.outer(profile, profile)[np.newaxis].astype(np.float32), fwhm=fwhm)


def positions(rng: np.random.Generator, n_side: int) -> tuple[Floats, Floats]:
    grid = (np.indices((n_side, n_side)).reshape(2, -1) + 0.5) * SPACING_PIXEL
    y, x = grid + rng.uniform(-0.5, 0.5, grid.shape)
    return x, y


def difference_with(
    rng: np.random.Generator, psf: PsfModel, n_side: int, x: Floats, y: Floats, flux: Floats
) -> Difference:
    """Point sources in white noise."""
    side = n_side * SPACING_PIXEL
    data = rng.normal(0.0, NOISE_ELECTRON, (side, side))
    stamps = psf.stamps(x, y) * flux[:, None, None]
    half = stamps.shape[-1] // 2
    for stamp, row, column in zip(stamps, np.floor(y + 0.5), np.floor(x + 0.5), strict=True):
        corner_y, corner_x = int(row) - half, int(column) - half
        data[corner_y : corner_y + stamp.shape[0], corner_x : corner_x + stamp.shape[1]] += stamp
    variance = np.full(data.shape, NOISE_ELECTRON**2, np.float32)
    return Difference(data.astype(np.float32), variance, np.zeros(data.shape, np.uint16), psf)


def sigma_of(psf: PsfModel, x: Floats, y: Floats) -> Floats:
    """The best possible error of a PSF flux in the noise of these scenes."""
    sigma: Floats = NOISE_ELECTRON / np.sqrt((psf.stamps(x, y) ** 2).sum(axis=(1, 2)))
    return sigma


@pytest.mark.parametrize("fwhm", [2.5, 4.5])
def test_fluxes_and_positions_are_unbiased_with_right_errors(
    fwhm: float, seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    rng = np.random.default_rng(seed)
    psf, n_side = gaussian_psf(fwhm), 50
    x, y = positions(rng, n_side)
    flux = sigma_of(psf, x, y) * np.geomspace(5.0, 100.0, len(x)) * rng.choice([-1.0, 1.0], len(x))
    difference = difference_with(rng, psf, n_side, x, y, flux)
    first = rng.normal(0.0, 0.3, (2, len(x)))
    measured = measure_candidates(difference, x + first[0], y + first[1])

    bias = np.average(measured["flux"] / flux - 1.0, weights=flux**2)
    pulls = {
        "flux": (measured["flux"] - flux) / measured["flux_error"],
        "aperture flux": (measured["aperture_flux"] - flux) / measured["aperture_flux_error"],
        "x": (measured["x"] - x) / measured["x_error"],
        "y": (measured["y"] - y) / measured["y_error"],
    }
    record_figure("psf_flux_bias", 100.0 * bias, "per cent")
    for name, pull in pulls.items():
        record_figure(f"pull of {name}", pull.std(), "")
    assert abs(bias) <= 0.005
    for name, pull in pulls.items():
        assert pull.std() == pytest.approx(1.0, abs=0.1), name
        # Five times the error of the mean of 2500.
        assert pull.mean() == pytest.approx(0.0, abs=0.1), name


def test_fluxes_of_faint_sources_are_unbiased(
    seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    psf, n_side, snr = gaussian_psf(3.5), 30, 7.0
    x, y = positions(np.random.default_rng((seed, 1)), n_side)
    flux = snr * sigma_of(psf, x, y)
    scene = difference_with(np.random.default_rng(seed), psf, n_side, x, y, flux)
    noise = difference_with(np.random.default_rng(seed), psf, n_side, x, y, 0.0 * flux).data
    # Opposite noise takes the first order of the errors out: the mean of 900 pairs is good to 0.15 per cent.
    pair = (scene, replace(scene, data=scene.data - 2.0 * noise))
    ratio = [measure_candidates(one, x, y)["flux"] / flux for one in pair]
    bias = np.mean(ratio) - 1.0
    record_figure("psf_flux_bias_at_snr_7", 100.0 * bias, "per cent")
    # Without the correction for the fitted position it would be 2 per cent.
    assert abs(bias) <= 0.005


def unflagged(columns: dict[str, Any]) -> NDArray[np.bool_]:
    """Which candidates no cut on what is measured on the difference flags."""
    unknown = np.zeros(len(columns["x"]))
    columns = columns | {name: unknown for name in ("ra", "dec", "score", "unusable_fraction")}
    return DecisionTable.of(columns, MeasuringParams().tests())["flagged"] == 0


def test_point_sources_are_like_the_psf_and_bogus_ones_are_not(
    seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    rng = np.random.default_rng(seed)
    n_side = 25
    for fwhm in (2.5, 4.5):
        psf = gaussian_psf(fwhm)
        x, y = positions(rng, n_side)
        flux = sigma_of(psf, x, y) * np.geomspace(6.0, 100.0, len(x))

        real = measure_candidates(difference_with(rng, psf, n_side, x, y, flux), x, y)
        kept = unflagged(real).mean()
        record_figure(f"psf_like of point sources, FWHM {fwhm}", 100.0 * kept, "per cent")
        assert kept >= 0.97

        apart = 0.25 * fwhm
        x_pair, y_pair = np.concatenate([x - apart, x + apart]), np.concatenate([y, y])
        dipole = difference_with(rng, psf, n_side, x_pair, y_pair, 2.0 * np.concatenate([flux, -flux]))
        measured = measure_candidates(dipole, x - 1.6 * apart, y)
        assert unflagged(measured).mean() <= 0.03

        sky = difference_with(rng, psf, n_side, x, y, 0.0 * flux)
        rows, columns = np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)
        data = sky.data.copy()
        profile = psf.stamp(0.0, 0.0)
        # One pixel to which the PSF fit gives the flux wanted.
        data[rows, columns] += flux * (profile**2).sum() / profile.max()
        hits = measure_candidates(replace(sky, data=data), columns.astype(float), rows.astype(float))
        assert np.median(hits["snr"]) > 20.0
        assert unflagged(hits).mean() <= 0.03


@pytest.mark.parametrize("fwhm", [2.5, 4.5])
def test_two_sources_of_opposite_sign_are_told_from_one(
    fwhm: float, seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    rng = np.random.default_rng(seed)
    psf, n_side, apart = gaussian_psf(fwhm), 20, 0.8 * fwhm
    x, y = positions(rng, n_side)
    flux = 40.0 * sigma_of(psf, x, y)
    pair = np.concatenate([x - apart / 2, x + apart / 2]), np.concatenate([y, y])
    dipoles = difference_with(rng, psf, n_side, *pair, np.concatenate([flux, -0.7 * flux]))
    measured = measure_candidates(dipoles, x - 0.6 * apart, y)
    separation = measured["dipole_separation"] / apart
    ratio = measured["dipole_opposite_flux"] / measured["dipole_flux"]
    record_figure(f"separation of dipoles, FWHM {fwhm}", np.median(separation), "true")
    record_figure(f"scatter of the separation, FWHM {fwhm}", separation.std(), "true")
    # The two fluxes and the separation are correlated: each is known to about 5 %.
    assert np.median(separation) == pytest.approx(1.0, abs=0.02)
    assert np.median(ratio) == pytest.approx(0.7, abs=0.02)
    assert np.median(measured["dipole_flux"] / flux) == pytest.approx(1.0, abs=0.02)
    assert separation.std() < 0.1
    assert measured["dipole_chi2_gain"].min() > 100.0

    single = measure_candidates(difference_with(rng, psf, n_side, x, y, flux), x, y)
    # Three parameters more, at the best of several places.
    assert np.percentile(single["dipole_chi2_gain"], 97) < 20.0
    assert np.median(single["dipole_opposite_flux"] / flux) < 0.1


def test_adaptive_moments_are_those_of_the_light(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fwhm, n_side = 4.5, 15
    psf = gaussian_psf(fwhm)
    x, y = positions(rng, n_side)
    flux = 150.0 * sigma_of(psf, x, y)
    point = measure_candidates(difference_with(rng, psf, n_side, x, y, flux), x, y)
    # A pixel adds the variance of its own width.
    sigma_squared = (fwhm / 2.3548) ** 2 + 1 / 12
    for axis in ("moment_xx", "moment_yy"):
        assert np.median(point[axis]) == pytest.approx(sigma_squared, rel=0.02)
    assert np.median(point["moment_xy"]) == pytest.approx(0.0, abs=0.02 * sigma_squared)
    assert np.median(point["adaptive_width_ratio"]) == pytest.approx(1.0, abs=0.01)
    # Two points half a sigma to either side: a Gaussian weight that follows them finds a variance 1.281 times as large
    # (where a weight of variance v leaves v / 2), though it is 1.25 times without a weight.
    wide = np.concatenate([x - 0.5 * sigma_squared**0.5, x + 0.5 * sigma_squared**0.5])
    pairs = difference_with(rng, psf, n_side, wide, np.concatenate([y, y]), np.concatenate([flux, flux]) / 2)
    measured = measure_candidates(pairs, x, y)
    assert np.median(measured["moment_xx"] / measured["moment_yy"]) == pytest.approx(1.281, abs=0.01)


def test_flux_is_the_same_in_all_apertures(seed: int) -> None:
    rng = np.random.default_rng(seed)
    psf, n_side = gaussian_psf(3.5), 20
    x, y = positions(rng, n_side)
    flux = 100.0 * sigma_of(psf, x, y)
    measured = measure_candidates(difference_with(rng, psf, n_side, x, y, flux), x, y)
    pull = (measured["aperture_fluxes"] - flux[:, None]) / measured["aperture_flux_errors"]
    # 400 sources: the error of the mean is 0.05, that of the scatter 0.035.
    np.testing.assert_allclose(pull.mean(axis=0), 0.0, atol=0.25)
    np.testing.assert_allclose(pull.std(axis=0), 1.0, atol=0.15)


def test_masked_pixels_do_not_bias_the_flux(seed: int) -> None:
    rng = np.random.default_rng(seed)
    psf, n_side = gaussian_psf(3.5), 25
    x, y = positions(rng, n_side)
    flux = 50.0 * sigma_of(psf, x, y)
    clean = difference_with(rng, psf, n_side, x, y, flux)
    bad = rng.random(clean.data.shape) < 0.05
    data = np.where(bad, 1e6, clean.data).astype(np.float32)
    mask = np.where(bad, MaskPlane.BAD, 0).astype(np.uint16)
    measured = measure_candidates(replace(clean, data=data, mask=mask), x, y)
    pull = (measured["flux"] - flux) / measured["flux_error"]
    # 625 sources: the error of the mean is 0.04, that of the scatter 0.03.
    assert pull.mean() == pytest.approx(0.0, abs=0.2)
    assert pull.std() == pytest.approx(1.0, abs=0.15)
    aperture_pull = (measured["aperture_flux"] - flux) / measured["aperture_flux_error"]
    assert aperture_pull.std() == pytest.approx(1.0, abs=0.15)

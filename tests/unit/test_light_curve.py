from __future__ import annotations

import erfa
import numpy as np
import pytest

from seechange_core.frames import MaskPlane
from seechange_core.imaging.astrometry.barycentric_time import bjd_tdb
from seechange_core.imaging.photometry.forced_photometry import SourcePixels, forced_fluxes
from seechange_core.imaging.photometry.light_curve import baselines, limiting_magnitudes, magnitudes

AU_DAY = 499.004784 / 86400.0


def test_faint_fluxes_have_limits_and_no_magnitudes() -> None:
    flux, error = np.array([3630.78, 20.0, -500.0, np.nan]), np.array([36.3, 10.0, 10.0, np.nan])
    magnitude, magnitude_error = magnitudes(flux, error)
    assert magnitude[0] == pytest.approx(22.5, abs=1e-4)
    assert magnitude_error[0] == pytest.approx(0.01086, rel=1e-3)
    assert np.isnan(magnitude[1:]).all()
    assert np.isnan(magnitude_error[1:]).all()
    assert limiting_magnitudes(error)[1] == pytest.approx(31.4 - 2.5 * np.log10(50.0))


def test_baseline_is_the_mean_outside_the_event_by_group() -> None:
    rng = np.random.default_rng(1)
    mjd = np.arange(100.0)
    group = np.arange(100) % 2
    flux = np.where(group == 0, 50.0, -20.0) + rng.normal(0.0, 2.0, 100) + np.where(mjd > 70, 500.0, 0.0)
    flux[4], flux[6] = 1e4, np.nan
    mean, error = baselines(mjd, flux, np.full(100, 2.0), group, (70.0, 200.0))
    assert mean[0] == pytest.approx(50.0, abs=4 * error[0])
    assert mean[1] == pytest.approx(-20.0, abs=4 * error[1])
    assert np.all(mean[::2] == mean[0])
    # 33 epochs of error 2, less the outlier's.
    assert error[0] == pytest.approx(2.0 / np.sqrt(33), rel=0.4)


def test_baseline_needs_epochs_and_its_error_follows_the_scatter() -> None:
    mjd, group = np.arange(20.0), np.zeros(20, np.int64)
    few, _ = baselines(mjd, np.ones(20), np.ones(20), group, (2.0, 30.0))
    assert np.isnan(few).all()
    flux = 30.0 * np.where(np.arange(20) % 2, 1.0, -1.0)
    _, error = baselines(mjd, flux, np.full(20, 10.0), group, (np.inf, np.inf))
    assert error[0] == pytest.approx(30.0 / np.sqrt(20), rel=0.05)


def test_barycentric_times_follow_the_place_of_the_earth() -> None:
    mjd = np.array([57000.25, 59000.5, 61101.125])
    found = bjd_tdb(mjd, 150.0, 2.0, (-70.8, -30.2, 2200.0))
    utc = 37.0 + 32.184
    tdb = mjd + np.where(mjd > 57754, utc, utc - 2.0) / 86400.0
    earth = erfa.epv00(2400000.5, tdb)[1]["p"]
    direction = erfa.s2c(np.radians(150.0), np.radians(2.0))
    expected = 2400000.5 + tdb + earth @ direction * AU_DAY
    # The observer is up to 0.02 s from the centre of the Earth; TDB is off TT by 2 ms.
    assert np.abs(found - expected).max() * 86400 < 0.025
    assert np.abs(bjd_tdb(mjd, 150.0, 2.0) - expected).max() * 86400 < 0.003
    assert np.abs(found - 2400000.5 - mjd).max() > 0.004


def test_years_without_tables_are_no_error(recwarn: pytest.WarningsRecorder) -> None:
    assert np.isfinite(bjd_tdb([64000.0], 10.0, -80.0, (20.0, -30.0, 1800.0))).all()
    assert len(recwarn) == 0


def source(rng: np.random.Generator, flux: float, mask_columns: int = 0) -> SourcePixels:
    size = 17
    profile = np.exp(-(((np.indices((size, size)) - 8.2) ** 2).sum(axis=0)) / 6.0)
    profile /= profile.sum()
    variance = np.full((size, size), 25.0)
    mask = np.zeros((size, size), np.uint16)
    mask[:, :mask_columns] = MaskPlane.BAD
    data = flux * profile + rng.normal(0.0, 5.0, (size, size))
    data[:, :mask_columns] = 1e5
    return SourcePixels(data, variance, mask, profile)


def test_forced_fluxes_are_unbiased_with_right_errors() -> None:
    rng = np.random.default_rng(3)
    for columns in (0, 7):
        found = forced_fluxes([source(rng, 400.0, columns) for _ in range(1000)])
        pull = (found.flux - 400.0) / found.flux_error
        # The mean of 1000 is good to 0.03, the scatter to 0.02.
        assert abs(pull.mean()) < 0.12
        assert pull.std() == pytest.approx(1.0, abs=0.08)
        assert found.chi2.mean() == pytest.approx(1.0, abs=0.02)


def test_hidden_sources_have_no_flux() -> None:
    found = forced_fluxes([source(np.random.default_rng(1), 400.0, 9)])
    assert np.isnan(found.flux[0])
    assert found.masked_fraction[0] > 0.5
    assert len(forced_fluxes([]).flux) == 0

"""Astrometric solutions against known mappings: no images, only positions with known errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seechange_core.errors import Rejected
from seechange_core.frames import SkyMapping, SourceTable, StarTable
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.astrometry.star_astrometry import fit_to_stars, matched_stars

SHAPE = (4096, 2048)
SCALE = 0.26 / 3600.0
LIMITS = {
    "max_offset_arcsec": 200.0,
    "min_stars": 8,
    "min_snr": 5.0,
    "max_degree": 3,
    "max_log10_chance": -4.0,
}


def true_mapping(dec: float = -30.0) -> SkyMapping:
    a, b = np.zeros((4, 4)), np.zeros((4, 4))
    a[2, 0], a[1, 1], a[3, 0], b[0, 2], b[1, 2] = 4e-7, -2e-7, 3e-11, 3e-7, 2e-11
    angle = np.radians(0.4)
    cd = SCALE * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return SkyMapping((359.99, dec), (1010.0, 2060.0), cd, a, b)


def field(
    n_stars: int, seed: int, *, n_spurious: int = 0, undetected: float = 0.0, dec: float = -30.0
) -> tuple[SourceTable, StarTable, SkyMapping]:
    """Stars over three times the image's area; those on it are detected, less some, plus some that are no stars."""
    rng = np.random.default_rng(seed)
    truth = true_mapping(dec)
    ny, nx = SHAPE
    x = rng.uniform(-0.4 * nx, 1.4 * nx, int(n_stars * 1.8 * 1.4))
    y = rng.uniform(-0.2 * ny, 1.2 * ny, len(x))
    ra, dec_true = truth.pixel_to_sky(x, y)
    flux = 10 ** rng.uniform(2.5, 5.0, len(x))
    catalog_error = np.full(len(x), 0.5)
    stars = StarTable(
        {
            "id": [str(number) for number in range(len(x))],
            "ra": ra + rng.normal(0, 0.5, len(x)) / 3.6e6 / np.cos(np.radians(dec_true)),
            "dec": dec_true + rng.normal(0, 0.5, len(x)) / 3.6e6,
            "ra_error": catalog_error,
            "dec_error": catalog_error,
            "mag_g": 25 - 2.5 * np.log10(flux) + rng.normal(0, 0.1, len(x)),
        },
        {"epoch_mjd": 60000.0},
    )
    on = (x > 0) & (x < nx - 1) & (y > 0) & (y < ny - 1) & (rng.random(len(x)) >= undetected)
    x, y, flux = x[on], y[on], flux[on]
    x = np.append(x, rng.uniform(0, nx, n_spurious))
    y = np.append(y, rng.uniform(0, ny, n_spurious))
    flux = np.append(flux, 10 ** rng.uniform(2.5, 4.0, n_spurious))
    error = np.hypot(0.01, 2.0 / (flux / np.sqrt(flux + 1000.0)))
    return sources(x + rng.normal(0, error), y + rng.normal(0, error), flux, error), stars, truth


def sources(x: np.ndarray, y: np.ndarray, flux: np.ndarray, error: np.ndarray) -> SourceTable:
    columns = {name: np.zeros(len(x)) for name in SourceTable.COLUMNS}
    columns |= {"x": x, "y": y, "x_error": error, "y_error": error, "flux": flux}
    columns |= {
        "flux_error": np.sqrt(flux + 1000),
        "snr": flux / np.sqrt(flux + 1000),
        "is_star": np.ones(len(x)),
    }
    return SourceTable(columns)


def wrong(
    truth: SkyMapping,
    east_arcsec: float,
    north_arcsec: float,
    turn_deg: float = 0.0,
    scale: float = 1.0,
    mirror: bool = False,
) -> SkyMapping:
    """The truth without distortion, moved, turned and stretched: what a header might say."""
    angle = np.radians(turn_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ra = truth.crval[0] + east_arcsec / 3600 / np.cos(np.radians(truth.crval[1]))
    cd = turn @ truth.cd @ np.diag([-1.0 if mirror else 1.0, 1.0])
    return SkyMapping((ra % 360, truth.crval[1] + north_arcsec / 3600), truth.crpix, cd)


def errors_mas(fitted: SkyMapping, truth: SkyMapping) -> np.ndarray:
    """Differences along both axes on a grid over the image."""
    y, x = (
        values.ravel()
        for values in np.meshgrid(np.linspace(0, 4095, 33), np.linspace(0, 2047, 17), indexing="ij")
    )
    x_found, y_found = truth.sky_to_pixel(*fitted.pixel_to_sky(x, y))
    return np.stack([x_found - x, y_found - y]) * SCALE * 3.6e6


def statistical_limit_mas(table: SourceTable, matched: int) -> float:
    """Error of the mean mapping, rms over the image, that a cubic fitted to these sources with ideal weights has."""

    def terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return design_matrix(x / 1024 - 1, y / 2048 - 1, 3)

    weight = 1.0 / np.hypot(table["x_error"][:matched] * SCALE * 3.6e6, 0.5)
    design = terms(table["x"][:matched], table["y"][:matched])
    covariance = np.linalg.inv((design * weight[:, None] ** 2).T @ design)
    y, x = (
        values.ravel()
        for values in np.meshgrid(np.linspace(0, 4095, 33), np.linspace(0, 2047, 17), indexing="ij")
    )
    grid = terms(x, y)
    return float(np.sqrt(np.mean(np.einsum("ij,jk,ik->i", grid, covariance, grid))))


def test_error_is_near_the_statistical_limit(
    seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    ratios = []
    for number in range(5):
        table, stars, truth = field(800, 100 * seed + number)
        fit, match = fit_to_stars(table, stars, wrong(truth, 12.0, -7.0), SHAPE, **LIMITS)
        error = float(np.sqrt(np.mean(errors_mas(fit.mapping, truth) ** 2)))
        ratios.append(error / statistical_limit_mas(table, table.n_rows))
        assert error < 2.0
        assert match.log10_chance < -100
        assert fit.mapping.n_stars > 0.9 * table.n_rows
    record_figure("wcs_rms", error, "mas")
    record_figure("wcs_rms_over_statistical_limit", float(np.mean(ratios)), "")
    # The mean of 5 fields of 20 coefficients each scatters by 7 %.
    assert np.mean(ratios) < 1.2


def test_matched_stars_have_the_residuals_of_the_solution() -> None:
    table, stars, truth = field(300, 4)
    fit, match = fit_to_stars(table, stars, wrong(truth, 12.0, -7.0), SHAPE, **LIMITS)
    matched = matched_stars(fit, match, stars)
    x, y = fit.mapping.sky_to_pixel(matched["ra"], matched["dec"])
    # One pixel is 260 mas; up to the turn of the field by a fraction of a degree, the columns are along east.
    away = np.hypot(x - matched["x"], y - matched["y"]) * fit.mapping.pixel_scale_arcsec * 1e3
    np.testing.assert_allclose(np.hypot(matched["east"], matched["north"]), away, rtol=0.02, atol=0.05)
    used = matched.rows(matched["used"])
    assert used.n_rows == fit.mapping.n_stars
    pulls = np.concatenate([used["east"], used["north"]]) / np.tile(used["error"], 2)
    assert 0.85 < pulls.std() < 1.15
    assert set(matched["id"]) <= set(stars["id"])


@pytest.mark.parametrize("dec", [0.0, -30.0, 85.0, 89.0])
@pytest.mark.parametrize(
    "error",
    [
        {"east_arcsec": 60.0, "north_arcsec": -40.0},
        {"east_arcsec": -120.0, "north_arcsec": 130.0},
        {"east_arcsec": 30.0, "north_arcsec": 20.0, "turn_deg": 2.0, "scale": 0.98},
        {"east_arcsec": 30.0, "north_arcsec": 20.0, "turn_deg": -1.5, "scale": 1.02, "mirror": True},
    ],
)
def test_wrong_header_is_put_right(error: dict[str, float], dec: float) -> None:
    table, stars, truth = field(200, 7, n_spurious=60, undetected=0.3, dec=dec)
    fit, match = fit_to_stars(table, stars, wrong(truth, **error), SHAPE, **LIMITS)
    assert np.sqrt(np.mean(errors_mas(fit.mapping, truth) ** 2)) < 10.0
    assert match.mirrored == bool(error.get("mirror"))
    assert match.scale == pytest.approx(1.0 / error.get("scale", 1.0), abs=0.002)


def test_pole_in_the_image() -> None:
    table, stars, truth = field(200, 7, n_spurious=60, undetected=0.3, dec=89.97)
    fit, _ = fit_to_stars(table, stars, wrong(truth, 0.0, -25.0), SHAPE, **LIMITS)
    assert np.sqrt(np.mean(errors_mas(fit.mapping, truth) ** 2)) < 10.0


@pytest.mark.parametrize("n_stars", [20, 40])
def test_few_stars_are_enough(n_stars: int) -> None:
    solved = 0
    for number in range(20):
        table, stars, truth = field(n_stars, number, n_spurious=n_stars // 2)
        fit, _ = fit_to_stars(table, stars, wrong(truth, 15.0, 15.0), SHAPE, **LIMITS)
        # The distortion at the corners is 1.5 pixel, and too few stars to measure all of it.
        solved += bool(np.sqrt(np.mean(errors_mas(fit.mapping, truth) ** 2)) < 260.0)
    assert solved == 20


@pytest.mark.parametrize("seed_of_field", range(10))
def test_unsolvable_field_is_rejected(seed_of_field: int) -> None:
    table, _, truth = field(30 * (seed_of_field + 1), seed_of_field)
    _, stars, _ = field(100, 1000 + seed_of_field)
    with pytest.raises(Rejected) as caught:
        fit_to_stars(table, stars, truth, SHAPE, **LIMITS)
    assert caught.value.metrics["n_catalog"] == stars.n_rows


def test_too_few_sources_are_rejected() -> None:
    table, stars, truth = field(100, 1)
    with pytest.raises(Rejected, match="5 usable sources"):
        fit_to_stars(table.rows(slice(0, 5)), stars, truth, SHAPE, **LIMITS)


def test_moved_and_blended_stars_do_not_pull() -> None:
    table, stars, truth = field(300, 11)
    rng = np.random.default_rng(1)
    moved = rng.random(table.n_rows) < 0.1
    x = np.where(moved, table["x"] + rng.choice([-0.7, 0.7], table.n_rows), table["x"])
    fit, _ = fit_to_stars(table.with_columns(x=x), stars, wrong(truth, 5.0, 5.0), SHAPE, **LIMITS)
    assert np.sqrt(np.mean(errors_mas(fit.mapping, truth) ** 2)) < 1.3 * statistical_limit_mas(
        table, table.n_rows
    )


def test_same_input_gives_the_same_solution() -> None:
    table, stars, truth = field(200, 3)
    one, two = (
        fit_to_stars(table, stars, wrong(truth, 9.0, 9.0), SHAPE, **LIMITS)[0].mapping for _ in range(2)
    )
    assert one.crpix == two.crpix
    assert np.array_equal(one.sip_a, two.sip_a)
    assert np.array_equal(one.cd, two.cd)

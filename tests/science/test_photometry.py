"""Zero points against truth, from stars of which some vary, are blended or are no stars."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

from seechange_core.api import FilterTransformation, InputError, Rejected
from seechange_core.builtin.photometry_stars import StarsPhotometry, StarsPhotometryParams
from seechange_core.frames import Frame, SkyMapping, SourceTable, StarTable
from seechange_core.frames.photometry import variation_terms
from seechange_core.imaging.photometry.zero_point import fit_zero_point

TRUTH = 30.25
SCALE = 0.26 / 3600.0
SHAPE = (4096, 2048)
MAPPING = SkyMapping((150.0, 2.0), (1023.5, 2047.5), np.diag([-SCALE, SCALE]))
TO_R = FilterTransformation("G", -0.5, 3.0, (0.1, -0.3, 0.02))


def scene(
    n_stars: int,
    seed: int,
    *,
    outliers: float = 0.0,
    blends: float = 0.0,
    colour_term: float = 0.0,
    own: bool = False,
    galaxies: float = 0.0,
    variation: tuple[float, ...] = (),
) -> tuple[SourceTable, StarTable]:
    """Stars with photon noise, 5 mmag of scatter, symmetric outliers (variables), and blends that are too bright."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(20, 2020, n_stars), rng.uniform(20, 4070, n_stars)
    gaia, colour = rng.uniform(15, 20, n_stars), rng.uniform(0.5, 2.3, n_stars)
    magnitude = gaia + np.polynomial.polynomial.polyval(colour, TO_R.coefficients)
    true = 10 ** (-0.4 * (magnitude - colour_term * (colour - 0.8) - TRUTH)) * 10 ** (
        0.4 * rng.normal(0, 0.005, n_stars)
    )
    true *= np.where(rng.random(n_stars) < outliers, 10 ** (0.4 * rng.normal(0, 0.4, n_stars)), 1.0)
    true *= np.where(rng.random(n_stars) < blends, 1 + rng.uniform(0.05, 1.0, n_stars), 1.0)
    extended = rng.random(n_stars) < galaxies
    true *= np.where(extended, rng.uniform(0.6, 0.95, n_stars), 1.0)
    true *= 10 ** (0.4 * variation_terms(x, y, SHAPE)[:, : len(variation)] @ np.array(variation))
    error = np.sqrt(true + 40 * 900)
    columns = {name: np.zeros(n_stars) for name in SourceTable.COLUMNS}
    flux = true + rng.normal(0, error)
    columns |= {"x": x, "y": y, "flux": flux, "flux_error": error, "snr": flux / error}
    columns |= {"a": np.full(n_stars, 1.9), "b": np.full(n_stars, 1.9)}
    columns |= {"is_star": ~extended | (rng.random(n_stars) < 0.3)}
    ra, dec = MAPPING.pixel_to_sky(x + rng.normal(0, 0.1, n_stars), y)
    stars = {"id": np.arange(n_stars).astype(str), "ra": ra, "dec": dec}
    stars |= {"ra_error": np.zeros(n_stars), "dec_error": np.zeros(n_stars)}
    stars |= {"mag_G": gaia + rng.normal(0, 0.003, n_stars), "mag_G_error": np.full(n_stars, 0.003)}
    stars |= {"mag_BP": gaia + 0.5 * colour, "mag_RP": gaia - 0.5 * colour}
    if own:
        stars |= {"mag_r": magnitude}
    return SourceTable(columns), StarTable(stars, {"catalog": "test"})


@lru_cache
def frame(filter_name: str = "r") -> Frame:
    empty = np.zeros(SHAPE, np.float32)
    return Frame(empty, empty, empty, {"filter": filter_name})


def solver(**params: object) -> StarsPhotometry:
    return StarsPhotometry(StarsPhotometryParams(**params))


def test_three_millimagnitudes_and_an_honest_error(
    seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    errors, quoted = [], []
    for number in range(60):
        sources, stars = scene(150, 1000 * seed + number, outliers=0.1)
        solution, metrics = solver().solve(frame(), sources, MAPPING, stars, TO_R)
        errors.append(solution.zero_point - TRUTH)
        quoted.append(solution.zero_point_error)
        assert metrics["n_stars"] > 100
    record_figure("zero_point_error", 1e3 * float(np.std(errors)), "mmag")
    assert np.abs(errors).max() < 0.003
    # The scatter of 60 solutions is known to 9 %.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.mean(quoted), rel=0.3)


def test_crowded_field_where_the_mean_is_off(record_figure: Callable[[str, float, str], None]) -> None:
    errors, quoted, means = [], [], []
    for number in range(30):
        sources, stars = scene(300, number, blends=0.35)
        solution, _ = solver().solve(frame(), sources, MAPPING, stars, TO_R)
        errors.append(solution.zero_point - TRUTH)
        quoted.append(solution.zero_point_error)
        flux_mean = stars["mag_G"] + np.polynomial.polynomial.polyval(
            stars["mag_BP"] - stars["mag_RP"], TO_R.coefficients
        )
        with np.errstate(invalid="ignore"):
            means.append(np.nanmean(flux_mean + 2.5 * np.log10(sources["flux"])) - TRUTH)
    record_figure("blended_zero_point_error", 1e3 * float(np.sqrt(np.mean(np.square(errors)))), "mmag")
    assert np.mean(means) > 0.1
    assert np.abs(errors).max() < 0.003
    # The scatter of 30 solutions is known to 13 %.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.mean(quoted), rel=0.4)


def test_variables_blends_and_galaxies_together(record_figure: Callable[[str, float, str], None]) -> None:
    errors, quoted = [], []
    for number in range(60):
        sources, stars = scene(400, 500 + number, outliers=0.1, blends=0.2, galaxies=0.15)
        solution, _ = solver().solve(frame(), sources, MAPPING, stars, TO_R)
        errors.append(solution.zero_point - TRUTH)
        quoted.append(solution.zero_point_error)
    pull = float(np.sqrt(np.mean(np.square(errors))) / np.mean(quoted))
    record_figure("mixed_zero_point_error", 1e3 * float(np.sqrt(np.mean(np.square(errors)))), "mmag")
    record_figure("mixed_zero_point_pull", pull, "sigma")
    assert np.abs(errors).max() < 0.003
    assert pull == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("variation", [(0.02, -0.01), (0.01, 0.0, 0.015, -0.01, 0.005)])
def test_variation_over_the_image_is_found(
    variation: tuple[float, ...], seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    sources, stars = scene(500, seed, outliers=0.1, blends=0.1, variation=variation)
    solution, _ = solver().solve(frame(), sources, MAPPING, stars, TO_R)
    y, x = (grid.ravel() for grid in np.mgrid[50:4096:200, 50:2048:200])
    truth = TRUTH + variation_terms(x, y, SHAPE)[:, : len(variation)] @ np.array(variation)
    error = solution.zero_point_at(x, y) - truth
    record_figure(f"varying_zero_point_error_{len(variation)}", 1e3 * float(np.std(error)), "mmag")
    # Six coefficients from some 300 stars of 6 mmag: 1 mmag in the mean over the image, more in its corners.
    assert np.sqrt(np.mean(error**2)) < 0.003
    assert solution.zero_point == pytest.approx(TRUTH, abs=0.003)


def test_even_zero_point_stays_even() -> None:
    varied = 0
    for number in range(30):
        sources, stars = scene(200, 900 + number, outliers=0.1, blends=0.1)
        solution, _ = solver().solve(frame(), sources, MAPPING, stars, TO_R)
        varied += bool(solution.variation)
    # The criterion lets a variation through that is not there about once in a hundred.
    assert varied <= 2


def test_colour_of_griz_for_a_catalogue_without_gaia() -> None:
    sources, stars = scene(400, 3, colour_term=0.08, own=True)
    colour = stars["mag_BP"] - stars["mag_RP"]
    columns = {name: stars[name] for name in ("id", "ra", "dec", "ra_error", "dec_error", "mag_r")}
    griz = StarTable(columns | {"mag_g": stars["mag_r"] + colour}, stars.meta)
    term = {"colour_terms": {"r": 0.08}}
    solution, _ = solver(colour="g-r", **term).solve(frame(), sources, MAPPING, griz, TO_R)
    assert solution.zero_point == pytest.approx(TRUTH, abs=0.003)
    with pytest.raises(InputError, match=r"BP-RP, and the star catalogue has magnitudes in r, g only"):
        solver(**term).solve(frame(), sources, MAPPING, griz, TO_R)


def test_colour_term_is_found() -> None:
    sources, stars = scene(400, 3, colour_term=0.08)
    solution, _ = solver(fit_colour_term=True).solve(frame(), sources, MAPPING, stars, TO_R)
    assert solution.colour_term == pytest.approx(0.08, abs=0.004)
    assert solution.zero_point == pytest.approx(TRUTH, abs=0.003)
    fixed, _ = solver(colour_terms={"r": 0.08}).solve(frame(), sources, MAPPING, stars, TO_R)
    assert fixed.zero_point == pytest.approx(TRUTH, abs=0.003)


def test_own_magnitudes_need_no_transformation() -> None:
    sources, stars = scene(100, 4, own=True)
    solution, _ = solver().solve(frame(), sources, MAPPING, stars, None)
    assert solution.zero_point == pytest.approx(TRUTH, abs=0.003)
    assert solution.filter == "r"
    assert solution.catalog == "test"


def test_filter_without_magnitudes_says_so() -> None:
    sources, stars = scene(100, 4)
    with pytest.raises(InputError, match=r"filter 'Y'.*it has G, BP, RP"):
        solver().solve(frame("Y"), sources, MAPPING, stars, None)


@pytest.mark.parametrize("n_stars", [1, 2, 3, 7])
def test_very_few_stars_give_a_median(n_stars: int) -> None:
    sources, stars = scene(200, 5)
    bright = np.argsort(-sources["flux"])[:n_stars]
    solution, _ = solver(min_stars=1).solve(frame(), sources.rows(bright), MAPPING, stars.rows(bright), TO_R)
    assert solution.zero_point == pytest.approx(TRUTH, abs=0.03)
    assert solution.n_stars == n_stars
    assert solution.zero_point_error > 0.0005


def test_too_few_stars_are_rejected() -> None:
    sources, stars = scene(9, 6)
    with pytest.raises(Rejected, match="at least 10") as caught:
        solver().solve(frame(), sources, MAPPING, stars, TO_R)
    assert caught.value.metrics["n_matched"] <= 9


def test_large_scatter_is_rejected() -> None:
    sources, stars = scene(100, 7)
    rng = np.random.default_rng(1)
    wild = sources.with_columns(flux=sources["flux"] * 10 ** (0.4 * rng.normal(0, 1.0, 100)))
    with pytest.raises(Rejected, match="scatter"):
        solver().solve(frame(), wild, MAPPING, stars, TO_R)


def test_empty_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="no stars"):
        fit_zero_point(np.empty(0), np.empty(0), np.empty(0))

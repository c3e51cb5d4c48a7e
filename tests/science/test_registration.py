"""Refining the map between two images, against known displacements."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import MaskPlane, SkyMapping, SourceTable
from seechange_core.imaging.alignment.pixel_map import PixelMap, fit_pixel_map
from seechange_core.imaging.alignment.registration import refine_pixel_map

SHAPE = (2000, 1000)
SCALE = 0.26 / 3600.0
ERROR = 0.03


def first_map() -> PixelMap:
    mapping = SkyMapping((10.0, 5.0), (500.0, 1000.0), np.diag([-SCALE, SCALE]))
    return fit_pixel_map(mapping, mapping, SHAPE)


def tables(
    n_stars: int, seed: int, *, turned: float = 0.0, moved: float = 0.0
) -> tuple[SourceTable, SourceTable]:
    """The same stars on both images; those of the source lie 0.3 and -0.2 pixel off and are turned."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(20, 980, n_stars), rng.uniform(20, 1980, n_stars)
    dx = 0.3 - turned * (y - 1000) + np.where(rng.random(n_stars) < moved, 1.5, 0.0)
    dy = -0.2 + turned * (x - 500)
    noise = rng.normal(0, ERROR, (4, n_stars))
    return table(x + noise[0], y + noise[1]), table(x + dx + noise[2], y + dy + noise[3])


def table(x: np.ndarray, y: np.ndarray) -> SourceTable:
    columns = {name: np.zeros(len(x)) for name in SourceTable.COLUMNS}
    error = np.full(len(x), ERROR)
    columns |= {"x": x, "y": y, "x_error": error, "y_error": error, "snr": np.full(len(x), 80.0)}
    return SourceTable(columns | {"is_star": np.ones(len(x), bool)})


def misregistration(pixel_map: PixelMap, turned: float) -> tuple[float, float]:
    y, x = (
        values.ravel()
        for values in np.meshgrid(np.linspace(0, 1999, 21), np.linspace(0, 999, 11), indexing="ij")
    )
    x_found, y_found = pixel_map(x, y)
    dx, dy = x_found - (x + 0.3 - turned * (y - 1000)), y_found - (y - 0.2 + turned * (x - 500))
    return float(np.sqrt(np.mean(dx**2))), float(np.sqrt(np.mean(dy**2)))


@pytest.mark.parametrize(("n_stars", "degree"), [(4, -1), (8, 0), (30, 1), (200, 2), (500, 3)])
def test_degree_follows_the_number_of_stars(n_stars: int, degree: int) -> None:
    found = refine_pixel_map(first_map(), *tables(n_stars, 1))
    assert found.degree == degree
    if degree >= 0:
        # 5 times the expected error of the mean of one axis with as many terms as the degree has.
        limit = 5 * 2**0.5 * ERROR * np.sqrt((1, 3, 6, 10)[degree] / n_stars)
        assert max(misregistration(found.pixel_map, 0.0)) < limit
    else:
        assert np.isnan(found.error).all()


def test_error_that_is_handed_on_is_right() -> None:
    true, quoted = [], []
    for seed in range(30):
        found = refine_pixel_map(first_map(), *tables(100, seed, turned=1e-4, moved=0.1))
        true.append(misregistration(found.pixel_map, 1e-4))
        quoted.append(found.error)
    assert np.max(true) < 0.03
    fit_error = np.sqrt(6 / 90) * 2**0.5 * ERROR
    assert np.sqrt(np.mean(np.square(true))) == pytest.approx(fit_error, rel=0.25)
    # Besides the fit's error the quoted one holds what scatter seems unexplained, which noise alone may feign.
    assert fit_error * 0.9 < np.median(quoted) < 2.0 * fit_error


def test_masked_faint_and_extended_sources_are_not_used() -> None:
    target, source = tables(40, 3)
    spoilt = target.with_columns(mask=np.where(np.arange(40) < 20, int(MaskPlane.SATURATED), 0))
    assert refine_pixel_map(first_map(), spoilt, source).n_stars <= 20
    assert refine_pixel_map(first_map(), target.with_columns(is_star=np.zeros(40)), source).n_stars == 0
    assert refine_pixel_map(first_map(), target, source, min_snr=100.0).degree == -1


def same_places(n_stars: int, seed: int, dx: float) -> tuple[SourceTable, SourceTable]:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(20, 980, n_stars), rng.uniform(20, 1980, n_stars)
    noise = rng.normal(0, ERROR, (4, n_stars))
    return table(x + noise[0], y + noise[1]), table(x + dx + noise[2], y + noise[3])


def test_grid_that_is_the_same_stays_the_same() -> None:
    kept = [refine_pixel_map(first_map(), *same_places(400, seed, 0.0)) for seed in range(10)]
    # Of fits that only noise moves, some go beyond what is believed to be noise.
    assert sum(found.pixel_map.whole_shift() == (0, 0) for found in kept) >= 7
    assert all(0 < max(found.error) < 0.025 for found in kept)
    moved = [refine_pixel_map(first_map(), *same_places(400, seed, 0.03)) for seed in range(10)]
    assert all(found.pixel_map.whole_shift() is None for found in moved)


def test_quoted_error_covers_what_is_left_for_whole_pixels() -> None:
    found = refine_pixel_map(first_map(), *same_places(4000, 1, 0.008))
    assert found.pixel_map.whole_shift() == (0, 0)
    assert found.error[0] == pytest.approx(0.008, rel=0.3)


def test_error_is_in_pixels_of_the_target() -> None:
    target, source = tables(100, 5)
    mapping = SkyMapping((10.0, 5.0), (500.0, 1000.0), np.diag([-SCALE, SCALE]))
    # The source turned by 90 degrees, with pixels of half the size along its x, which is the target's y.
    finer = SkyMapping((10.0, 5.0), (1000.0, 500.0), np.array([[0.0, -SCALE], [SCALE / 2, 0.0]]))
    x, y = finer.sky_to_pixel(*mapping.pixel_to_sky(source["x"], source["y"]))
    moved = source.with_columns(x=x, y=y, x_error=2 * source["x_error"])
    as_it_is = refine_pixel_map(first_map(), target, source)
    # The radius is in pixels of the source.
    found = refine_pixel_map(fit_pixel_map(finer, mapping, SHAPE), target, moved, radius=6.0)
    assert found.n_stars > 80
    assert found.error == pytest.approx(as_it_is.error, rel=0.3)

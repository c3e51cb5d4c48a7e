"""Which stars are fit for the zero point: alone in the catalogue and on the image, and like the PSF."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import SkyMapping, SourceTable, StarTable
from seechange_core.imaging.photometry.photometric_stars import MatchedStars, matched_stars, standing_alone
from seechange_core.imaging.photometry.star_isolation import neighbours_light

FWHM = 4.0
SCALE = 0.26 / 3600.0
MAPPING = SkyMapping((150.0, 2.0), (500.0, 500.0), np.diag([-SCALE, SCALE]))


def light(distance: float, flux: float = 100.0) -> float:
    x, y = np.array([50.0, 50.0 + distance]), np.full(2, 50.0)
    fluxes = np.array([100.0, flux])
    return float(neighbours_light(x[:1], y[:1], fluxes[:1], x, y, fluxes, FWHM)[0])


def test_star_alone_holds_no_light_of_others() -> None:
    assert light(500.0) == 0.0
    assert neighbours_light(*(np.empty(0),) * 6, FWHM).shape == (0,)


def test_light_falls_with_distance_and_rises_with_flux() -> None:
    found = [light(factor * FWHM) for factor in (0.1, 1.0, 2.0, 4.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(1.0, abs=0.1)
    assert 0.05 < found[1] < 0.2
    assert found[3] < 0.003
    assert light(FWHM, 1000.0) == pytest.approx(10 * found[1])


def test_what_is_not_known_counts_for_nothing() -> None:
    assert light(FWHM, np.nan) == 0.0
    x = np.array([50.0, np.nan])
    assert neighbours_light(x[:1], x[:1], np.ones(1), x, x, np.ones(2), FWHM)[0] == 0.0


def tables(x_stars: list[float], x_sources: list[float]) -> tuple[SourceTable, StarTable]:
    n = len(x_sources)
    columns = {name: np.zeros(n) for name in SourceTable.COLUMNS}
    columns |= {"x": np.array(x_sources), "y": np.full(n, 100.0), "flux": np.full(n, 1e4)}
    columns |= {
        "snr": np.full(n, 100.0),
        "a": np.full(n, 1.7),
        "b": np.full(n, 1.7),
        "is_star": np.ones(n, bool),
    }
    ra, dec = MAPPING.pixel_to_sky(x_stars, np.full(len(x_stars), 100.0))
    some = np.zeros(len(x_stars))
    stars = {
        "id": np.arange(len(x_stars)).astype(str),
        "ra": ra,
        "dec": dec,
        "ra_error": some,
        "dec_error": some,
    }
    return SourceTable(columns), StarTable(stars | {"mag_G": 18.0 + some})


def test_two_stars_in_one_detection_and_two_detections_of_one_star_are_noticed() -> None:
    sources, stars = tables([100.0, 103.0, 300.0, 500.0], [101.0, 300.0, 303.5, 500.0])
    matched = matched_stars(sources, MAPPING, stars, min_snr=10.0, radius_arcsec=1.0)
    by_place = dict(zip(matched.sources["x"], matched.neighbours, strict=True))
    assert by_place[101.0] > 0.1
    assert by_place[300.0] > 0.1
    assert by_place[500.0] == 0.0


def made(neighbours: np.ndarray, is_star: np.ndarray) -> MatchedStars:
    sources, stars = tables(
        list(200.0 * np.arange(len(neighbours))), list(200.0 * np.arange(len(neighbours)))
    )
    return MatchedStars(sources.with_columns(is_star=is_star), stars, neighbours, 4.0)


def test_extended_and_disturbed_stars_are_left_out_where_enough_remain() -> None:
    neighbours = np.where(np.arange(300) < 150, 0.0, 0.5)
    is_star = np.arange(300) % 150 < 120
    alone = standing_alone(made(neighbours, is_star), np.ones(300, bool), 0.01, 10)
    assert np.flatnonzero(alone).tolist() == list(range(120))


def test_least_disturbed_are_taken_where_hardly_any_stands_alone() -> None:
    neighbours = np.linspace(0.02, 0.5, 300)
    alone = standing_alone(made(neighbours, np.ones(300, bool)), np.ones(300, bool), 0.01, 10)
    assert np.flatnonzero(alone).tolist() == list(range(100))
    usable = np.arange(300) >= 200
    few = standing_alone(made(neighbours, np.zeros(300, bool)), usable, 0.01, 10)
    assert np.array_equal(few, usable)
    assert not standing_alone(made(neighbours, np.ones(300, bool)), np.zeros(300, bool), 0.01, 10).any()

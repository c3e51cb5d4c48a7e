"""Bright stars vanish wherever they are, and what is unknown of them spreads no further than it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from seechange_core.frames import ColumnTable, Difference, Floats, Frame, PsfModel, unusable
from seechange_core.imaging.robust import scatter
from seechange_core.simulation.injection import inject_point_sources
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_core.simulation.spoiling import with_saturation
from seechange_zogy import Zogy

Record = Callable[[str, float, str], None]


@pytest.fixture(scope="module")
def field(seed: int) -> SimulatedPair:
    """A field without a bright star; its PSF varies by 3 %."""
    return simulated_pair(seed, n_stars=0, n_galaxies=200, n_transients=0)


def with_stars(field: SimulatedPair, seed: int, x: Floats, y: Floats, flux: float) -> SimulatedPair:
    """Add stars with exactly the PSFs of their positions to both images."""
    rng = np.random.default_rng([seed, 3])
    pair = field.pair

    def added(frame: Frame, psf: PsfModel, electrons: float) -> Frame:
        return inject_point_sources(frame, psf, x, y, np.full(len(x), electrons), rng)

    new, ref = added(pair.new, pair.new_psf, flux), added(pair.ref, pair.ref_psf, flux * pair.flux_ratio)
    stars = ColumnTable({"x": x, "y": y, "flux": np.full(len(x), flux)})
    return replace(field, pair=replace(pair, new=new, ref=ref), stars=stars)


def near(field: SimulatedPair, plane: np.ndarray, least: float, most: float) -> np.ndarray:
    """The pixels between two distances from the stars."""
    y, x = np.indices(plane.shape)
    distance = np.full(plane.shape, np.inf)
    for star_x, star_y in zip(field.stars["x"], field.stars["y"], strict=True):
        distance = np.minimum(distance, np.hypot(x - star_x, y - star_y))
    return plane[(distance >= least) & (distance < most)]


def score_of(difference: Difference) -> np.ndarray:
    assert difference.score is not None
    return difference.score


def test_stars_vanish_wherever_in_a_tile_they_are(
    field: SimulatedPair, seed: int, record_figure: Record
) -> None:
    # Tiles of 512 pixels: stars near their corners, their edges and their middles.
    at = np.array([20.3, 128.5, 251.7, 380.4, 500.8, 640.1, 770.6, 905.2, 1003.9])
    x, y = (grid.ravel() for grid in np.meshgrid(at, at))
    full = with_stars(field, seed, x, y, 4e5)
    greatest = float(np.nanmax(np.abs(near(full, score_of(Zogy().subtract(full.pair)), 0.0, 12.0))))
    record_figure("zogy_greatest_score_at_stars", greatest, "sigma")
    # 80 stars of 400,000 electrons. With one PSF a tile it is above 10.
    assert greatest < 5.0


@pytest.mark.parametrize("beyond", [-2.0, 3.0, 7.0, 12.0])
def test_stars_at_the_edges_make_no_detections(field: SimulatedPair, seed: int, beyond: float) -> None:
    along = np.linspace(60.0, 960.0, 12)
    low, high = np.full(12, -beyond), np.full(12, 1023 + beyond)
    x, y = np.concatenate([along, along, low, high]), np.concatenate([low, high, along, along])
    full = with_stars(field, seed, x, y, 2e5)
    # The light of such a star is not the same in both images: the last pixel's part of it differs with the PSF.
    assert np.nanmax(np.abs(near(full, score_of(Zogy().subtract(full.pair)), 0.0, 40.0))) < 5.5


def test_noise_around_saturated_stars_is_that_of_the_sky(
    field: SimulatedPair, seed: int, record_figure: Record
) -> None:
    at = np.array([150.2, 401.5, 650.7, 899.1])
    x, y = (grid.ravel() for grid in np.meshgrid(at, at))
    full = with_stars(field, seed, x, y, 6e5)
    ref = with_saturation(full.pair.ref, 5_000.0 * full.pair.flux_ratio)
    assert np.count_nonzero(unusable(ref.mask)) > 200
    difference = Zogy().subtract(replace(full.pair, ref=ref))
    pull = difference.data / np.sqrt(difference.variance)
    around, sky = scatter(near(full, pull, 25.0, 40.0)), scatter(near(full, pull, 60.0, 90.0))
    record_figure("zogy_noise_around_saturated_stars", around / sky, "")
    assert around / sky == pytest.approx(1.0, abs=0.05)
    assert np.nanmax(np.abs(near(full, score_of(difference), 0.0, 40.0))) < 5.5

"""What moved is told from what changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seechange_core.frames import Difference, Floats
from seechange_core.imaging.subtraction.score_scatter import score_scatter
from seechange_core.simulation.injection import inject_point_sources
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_zogy import Zogy

SHAPE = (600, 600)
REACH = 6


@pytest.fixture(scope="module")
def quiet(seed: int) -> SimulatedPair:
    return simulated_pair(seed, SHAPE, n_stars=150, n_galaxies=60, n_transients=0)


def grid() -> tuple[Floats, Floats]:
    x, y = np.meshgrid(np.arange(40.0, 560.0, 40.0), np.arange(40.0, 560.0, 40.0))
    return x.ravel(), y.ravel()


def subtracted(simulated: SimulatedPair) -> Difference:
    return Zogy(Zogy.Params(translient=True)).subtract(simulated.pair)


def with_stars(
    simulated: SimulatedPair, seed: int, *, shift: Floats, new_flux: float, ref_flux: float
) -> SimulatedPair:
    """Put stars on a grid into both images, displaced and of another flux in the new one."""
    rng = np.random.default_rng([seed, 5])
    pair = simulated.pair
    x, y = grid()
    ref = inject_point_sources(pair.ref, pair.ref_psf, x, y, np.full(len(x), ref_flux * pair.flux_ratio), rng)
    new = inject_point_sources(
        pair.new, pair.new_psf, x + shift[0], y + shift[1], np.full(len(x), new_flux), rng
    )
    return replace(simulated, pair=replace(pair, new=new, ref=ref))


def greatest(plane: np.ndarray | None, simulated: SimulatedPair) -> Floats:
    """The greatest absolute value around each star of the grid that no other star or galaxy is near."""
    assert plane is not None
    x, y = grid()
    known = np.concatenate(
        [np.stack([table["x"], table["y"]]) for table in (simulated.stars, simulated.galaxies)], axis=1
    )
    alone = np.hypot(x[:, None] - known[0], y[:, None] - known[1]).min(axis=1) > 20
    offset = np.arange(-REACH, REACH + 1)
    row, column = y[alone].astype(int), x[alone].astype(int)
    return np.abs(plane[row[:, None, None] + offset[:, None], column[:, None, None] + offset]).max(
        axis=(1, 2)
    )


def test_significance_of_motion_has_its_distribution_where_nothing_moved(quiet: SimulatedPair) -> None:
    difference = subtracted(quiet)
    known = [np.concatenate([quiet.stars[axis], quiet.galaxies[axis]]) for axis in "xy"]
    assert difference.translient is not None
    # A chi-square of two degrees of freedom has its median at 2 ln 2.
    as_score = replace(difference, score=difference.translient**2)
    assert np.isnan(difference.translient).mean() == np.isnan(difference.score).mean()
    squares = difference.translient[np.isfinite(difference.translient)] ** 2
    assert np.median(squares) == pytest.approx(2 * np.log(2), rel=0.04)
    assert score_scatter(as_score, *known) == pytest.approx(1.4826 * 0.9624, rel=0.05)


@pytest.mark.parametrize("shift", [(0.5, 0.0), (0.0, -0.4), (0.7, 0.7)], ids=["along x", "along y", "aslant"])
def test_stars_that_moved_are_told_from_stars_that_changed(
    quiet: SimulatedPair, seed: int, shift: tuple[float, float], record_figure
) -> None:
    flux = 40_000.0
    moved = with_stars(quiet, seed, shift=np.array(shift), new_flux=flux, ref_flux=flux)
    difference = subtracted(moved)
    motion, change = greatest(difference.translient, quiet), greatest(difference.score, quiet)
    assert len(motion) > 80
    assert np.all(motion > 7.0)
    right = float(np.mean(motion > change))
    record_figure(f"translient_moved_recognised_{shift[0]}_{shift[1]}", right, "")
    assert right >= 0.97


@pytest.mark.parametrize("part", [0.85, 1.15], ids=["fainter", "brighter"])
def test_stars_that_changed_are_not_called_moved(
    quiet: SimulatedPair, seed: int, part: float, record_figure
) -> None:
    flux = 40_000.0
    changed = with_stars(quiet, seed, shift=np.zeros(2), new_flux=part * flux, ref_flux=flux)
    difference = subtracted(changed)
    motion, change = greatest(difference.translient, quiet), greatest(difference.score, quiet)
    assert np.all(change > 7.0)
    right = float(np.mean(change > motion))
    record_figure(f"translient_changed_recognised_{part}", right, "")
    assert right >= 0.97


def test_nothing_of_it_is_there_unless_asked_for(quiet: SimulatedPair) -> None:
    assert Zogy().subtract(quiet.pair).translient is None

"""Simulated pairs are what their conditions say."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import MaskPlane, unusable
from seechange_core.simulation.image_pair import CCD_SHAPE, CONDITIONS, PairConditions, image_pair, with_sky

SHAPE = (512, 512)


def test_same_seed_gives_the_same_pixels() -> None:
    first, second = (image_pair(3, SHAPE) for _ in range(2))
    assert np.array_equal(first.new.data, second.new.data)
    assert np.array_equal(first.ref.data, second.ref.data)
    assert not np.array_equal(first.new.data, image_pair(4, SHAPE).new.data)


def test_densities_are_those_of_a_ccd() -> None:
    simulated = image_pair(1, SHAPE)
    area = SHAPE[0] * SHAPE[1] / (CCD_SHAPE[0] * CCD_SHAPE[1])
    assert simulated.stars.n_rows == round(4000 * area)
    assert simulated.galaxies.n_rows == round(2500 * area)
    assert simulated.transients.n_rows == round(300 * area)


def test_noise_is_the_variance() -> None:
    simulated = image_pair(2, SHAPE)
    for frame in (simulated.new, simulated.ref):
        normal = (frame.data / np.sqrt(frame.variance))[simulated.empty]
        # 240,000 pixels: the standard deviation of a normal deviate is known to 0.15 %.
        assert np.std(normal) == pytest.approx(1.0, abs=0.006)


def test_displaced_reference_shows_the_same_sky_displaced() -> None:
    aligned, displaced = (image_pair(1, SHAPE, CONDITIONS[name]) for name in ("aligned", "displaced"))
    for axis in "xy":
        assert np.array_equal(aligned.stars[axis], displaced.stars[axis])
        assert np.array_equal(aligned.transients[axis], displaced.transients[axis])
    assert displaced.pair.registration_error == (0.12, 0.09)
    assert not np.array_equal(aligned.ref.data, displaced.ref.data)


def test_spoilt_pair_has_bad_pixels_and_saturated_stars() -> None:
    simulated = image_pair(1, SHAPE, PairConditions(bad_pixel_fraction=0.003, n_saturated_stars=320))
    for frame in (simulated.new, simulated.ref):
        bad = (frame.mask & MaskPlane.BAD) != 0
        assert bad.mean() == pytest.approx(0.003, rel=0.2)
        assert np.all(np.isnan(frame.data[bad]))
        assert np.any(frame.mask & MaskPlane.SATURATED)


def test_partial_reference_lacks_columns() -> None:
    simulated = image_pair(1, SHAPE, CONDITIONS["partial"])
    assert unusable(simulated.ref.mask).mean() == pytest.approx(0.4, abs=0.002)
    assert not unusable(simulated.new.mask).any()


def test_empty_pair_has_no_transients() -> None:
    simulated = image_pair(1, SHAPE, CONDITIONS["empty"])
    assert simulated.transients.n_rows == 0
    assert simulated.stars.n_rows > 0


def test_sky_can_be_given_back() -> None:
    simulated = image_pair(1, SHAPE, CONDITIONS["bright-sky"])
    frame = with_sky(simulated.new, CONDITIONS["bright-sky"])
    assert np.median(frame.data) == pytest.approx(12_000, abs=5)

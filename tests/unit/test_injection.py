"""Artificial sources in an image."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import Frame, MaskPlane, PsfModel
from seechange_core.simulation.injection import inject_point_sources
from seechange_core.simulation.psf_field import MoffatField

SHAPE = (80, 100)
FLUX = 1e6


@pytest.fixture(scope="module")
def psf() -> PsfModel:
    return MoffatField(SHAPE, 4.0, (0.05, 0.0), 3.5).model()


@pytest.fixture
def frame() -> Frame:
    mask = np.zeros(SHAPE, np.uint16)
    mask[0, 0] = MaskPlane.BAD
    return Frame(np.full(SHAPE, 50.0), np.full(SHAPE, 60.0), mask, {"filter": "z"})


def test_light_noise_and_marks(frame: Frame, psf: PsfModel) -> None:
    made = inject_point_sources(frame, psf, [50.3], [40.0], [FLUX], np.random.default_rng(1))
    light = made.variance - frame.variance
    stamp = psf.stamp(50.3, 40.0)
    assert light.sum() == pytest.approx(FLUX * stamp.clip(0).sum(), rel=1e-4)
    y, x = np.unravel_index(np.argmax(light), SHAPE)
    assert (x, y) == (50, 40)
    deviation = (made.data - frame.data - light) / np.sqrt(np.maximum(light, 1.0))
    bright = light > 20
    # Standard deviation 1, known to 5 % from some 200 pixels: 4 times that.
    assert np.std(deviation[bright]) == pytest.approx(1.0, abs=4 / np.sqrt(2 * bright.sum()))
    marked = (made.mask & MaskPlane.INJECTED) != 0
    assert np.array_equal(marked, light >= 0.05 * light.max())
    assert made.mask[0, 0] == MaskPlane.BAD
    assert made.info == frame.info


def test_the_same_seed_gives_the_same_pixels_and_the_input_stays(frame: Frame, psf: PsfModel) -> None:
    before = frame.data.copy()
    one, two, other = (
        inject_point_sources(frame, psf, [50.0], [40.0], [FLUX], np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one.data, two.data)
    assert not np.array_equal(one.data, other.data)
    assert np.array_equal(frame.data, before)


def test_sources_across_the_edge_and_off_the_image(frame: Frame, psf: PsfModel) -> None:
    x, y = np.array([0.0, 99.0, -200.0, 50.0]), np.array([0.0, 79.0, 40.0, 300.0])
    made = inject_point_sources(frame, psf, x, y, np.full(4, FLUX), np.random.default_rng(1))
    light = made.variance - frame.variance
    # A little more than a quarter of each of two: the pixels of the middle row and column are whole ones.
    assert 0.25 < light.sum() / (2 * FLUX) < 0.5
    assert light[0, 0] == pytest.approx(FLUX * psf.stamp(0.0, 0.0).max(), rel=1e-4)


def test_light_that_is_taken_away_leaves_its_noise(frame: Frame, psf: PsfModel) -> None:
    made = inject_point_sources(frame, psf, [50.0], [40.0], [-FLUX], np.random.default_rng(1))
    assert (frame.data - made.data).sum() == pytest.approx(FLUX * psf.stamp(50.0, 40.0).sum(), rel=1e-4)
    assert np.array_equal(made.variance, frame.variance)


def test_pixels_saturate(frame: Frame, psf: PsfModel) -> None:
    x, y, flux, level = [50.0, 20.0], [40.0, 40.0], [FLUX, 100.0], 5000.0
    free = inject_point_sources(frame, psf, x, y, flux, np.random.default_rng(1))
    made = inject_point_sources(frame, psf, x, y, flux, np.random.default_rng(1), saturation_electron=level)
    full = free.data >= level
    assert 10 < full.sum() < 200
    assert np.array_equal((made.mask & MaskPlane.SATURATED) != 0, full)
    assert np.array_equal(made.data, np.minimum(free.data, level))


@pytest.mark.parametrize(
    ("flux", "message"), [([0.0], "other than zero"), ([np.nan], "other than zero"), ([1.0, 2.0], "as many")]
)
def test_senseless_sources(frame: Frame, psf: PsfModel, flux: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inject_point_sources(frame, psf, [50.0], [40.0], flux, np.random.default_rng(1))

"""Peaks of a score image and the pixels around them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from seechange_core.frames import MaskPlane
from seechange_core.imaging.masked_pixels import fill_holes, grown, planes_within
from seechange_core.imaging.peaks import find_peaks, local_maxima


def bumps(shape: tuple[int, int], *sources: tuple[float, float, float], sigma: float = 2.0) -> np.ndarray:
    y, x = np.indices(shape)
    image = sum(
        height * np.exp(-0.5 * ((x - at_x) ** 2 + (y - at_y) ** 2) / sigma**2)
        for at_x, at_y, height in sources
    )
    return np.asarray(image, np.float32)


@given(x=st.floats(10, 30), y=st.floats(10, 20), sign=st.sampled_from([-1, 1]))
@settings(deadline=None)
def test_one_source_is_one_peak_at_its_place(x: float, y: float, sign: int) -> None:
    peaks = find_peaks(bumps((32, 41), (x, y, sign * 20.0)), 5.0)
    assert len(peaks.x) == 1
    assert peaks.x[0] == pytest.approx(x, abs=0.05)
    assert peaks.y[0] == pytest.approx(y, abs=0.05)
    assert np.sign(peaks.value[0]) == sign


def test_number_of_pixels_is_that_beyond_the_threshold() -> None:
    image = bumps((40, 60), (15, 20, 20.0), (40, 20, -10.0))
    peaks = find_peaks(image, 5.0)
    assert peaks.n_pixels.tolist() == [np.sum(image > 5), np.sum(image < -5)]


def test_neighbours_are_parted_where_both_rise_above_the_saddle() -> None:
    image = bumps((40, 40), (15, 20, 20.0), (22, 20, 12.0))
    peaks = find_peaks(image, 5.0)
    np.testing.assert_allclose(peaks.x, [15, 22], atol=0.4)
    assert peaks.footprint.tolist() == [0, 0]
    assert peaks.n_pixels.sum() == np.sum(image > 5)
    assert peaks.n_pixels[0] > peaks.n_pixels[1] > 10


@pytest.mark.parametrize("changes", [{"min_rise": 6.0}, {"min_contrast": 0.7}])
def test_weaker_peak_of_the_same_sign_gives_way(changes: dict[str, float]) -> None:
    image = bumps((40, 40), (15, 20, 20.0), (22, 20, 12.0))
    peaks = find_peaks(image, 5.0, **changes)
    assert peaks.value.tolist() == [pytest.approx(20.0, rel=0.05)]
    assert peaks.n_pixels.tolist() == [np.sum(image > 5)]


def test_a_source_that_noise_cuts_in_two_is_one() -> None:
    image = bumps((40, 40), (20, 20, 6.0), sigma=3.0)
    image[:, 20] -= 1.5
    assert np.sum(np.diff(image[20] > 5.0)) == 4
    assert find_peaks(image, 5.0).n_pixels.tolist() == [np.sum(image > 5)]


def test_neighbours_farther_apart_have_footprints_of_their_own() -> None:
    peaks = find_peaks(bumps((40, 60), (15, 20, 20.0), (40, 20, 12.0), (50, 30, -9.0)), 5.0)
    assert sorted(peaks.footprint.tolist()) == [0, 1, 2]


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_turned_and_negated_images_have_the_same_peaks(seed: int) -> None:
    noise = gaussian_filter(np.random.default_rng(seed).normal(0, 1, (60, 70)), 1.5)
    image = (noise / noise.std() * 2.5).astype(np.float32)
    peaks, turned = find_peaks(image, 5.0), find_peaks(np.ascontiguousarray(-image[::-1, ::-1]), 5.0)
    np.testing.assert_allclose(turned.x[::-1], 69 - peaks.x, atol=1e-3)
    np.testing.assert_array_equal(turned.value[::-1], -peaks.value)


def test_lobes_of_a_dipole_are_both_kept() -> None:
    peaks = find_peaks(bumps((40, 40), (18, 20, 20.0), (22, 20, -12.0)), 5.0)
    assert np.sign(peaks.value).tolist() == [1, -1]


def test_plateau_has_one_peak() -> None:
    image = np.zeros((9, 9), np.float32)
    image[3:6, 3:6] = 7.0
    assert [index.tolist() for index in local_maxima(image, 5.0)] == [[3], [3]]


def test_pixels_without_a_score_are_no_peaks_and_hide_none() -> None:
    image = bumps((40, 40), (20, 20, 20.0))
    image[:, 21:] = np.nan
    peaks = find_peaks(image, 5.0)
    assert (peaks.x[0], peaks.y[0]) == (pytest.approx(20, abs=0.51), pytest.approx(20, abs=0.1))
    assert len(find_peaks(np.full((5, 5), np.nan, np.float32), 5.0).x) == 0


def test_source_at_the_edge_is_found() -> None:
    peaks = find_peaks(bumps((30, 30), (0, 29, 9.0)), 5.0)
    assert (peaks.x[0], peaks.y[0]) == (pytest.approx(0, abs=0.5), pytest.approx(29, abs=0.5))


def test_grown_area_is_a_disc() -> None:
    bad = np.zeros((21, 21), bool)
    bad[10, 10] = True
    y, x = np.indices(bad.shape) - 10
    assert np.array_equal(grown(bad, 3.5), x**2 + y**2 <= 3.5**2)


def test_growing_follows_the_outline() -> None:
    rng = np.random.default_rng(1)
    bad = rng.random((30, 40)) < 0.3
    y, x = np.nonzero(bad)
    rows, columns = np.indices(bad.shape)
    distance = np.min((rows[..., None] - y) ** 2 + (columns[..., None] - x) ** 2, axis=-1)
    assert np.array_equal(grown(bad, 2.3), distance <= 2.3**2)


def test_holes_are_filled_smoothly_and_only_so_deep() -> None:
    y, x = np.indices((40, 50))
    plane = (3.0 * x - 2.0 * y).astype(np.float32)
    bad = np.zeros(plane.shape, bool)
    bad[10, 10], bad[20:35, 20:40] = True, True
    filled = np.where(bad, np.float32(0), plane)
    fill_holes(filled, bad, 3)
    assert filled[10, 10] == pytest.approx(plane[10, 10], abs=1e-3)
    assert np.array_equal(filled[~bad], plane[~bad])
    assert np.all(filled[24:31, 24:36] == 0)
    assert np.all(filled[20, 21:39] != 0)


def test_planes_and_unusable_part_of_a_disc() -> None:
    mask = np.zeros((20, 20), np.uint16)
    mask[5, 5], mask[5, 6] = MaskPlane.COSMIC_RAY, MaskPlane.SUSPECT
    planes, fraction = planes_within(mask, np.array([5.2, 15.0, 0.0]), np.array([4.9, 15.0, 10.0]), 1.0)
    assert planes.tolist() == [MaskPlane.COSMIC_RAY | MaskPlane.SUSPECT, 0, MaskPlane.NO_DATA]
    assert fraction.tolist() == [0.2, 0.0, 0.2]

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seechange_core.frames import MaskPlane, Stamps
from seechange_core.imaging.stamps import cut_triplets
from seechange_rbscore.planes import N_PLANES, SIZE, network_planes, seen


def stamps(size: int = SIZE, seed: int = 1, n: int = 3) -> Stamps:
    """Noise with a source in the middle of new image and difference."""
    rng = np.random.default_rng(seed)
    new, ref = rng.normal(50.0, 10.0, (2, 101, 101)).astype(np.float32)
    y, x = np.mgrid[:101, :101] - 50
    new += 300.0 * np.exp(-(x**2 + y**2) / 4.0)
    middle = np.full(n, 50.0)
    return cut_triplets(middle, middle, size, new, ref, new - ref, np.zeros((101, 101), np.uint16))


def test_empty_parts_of_a_stamp_have_median_zero_and_scatter_one() -> None:
    planes, sign = network_planes(stamps())
    assert planes.shape == (3, N_PLANES, SIZE, SIZE)
    assert planes.dtype == np.float32
    assert sign.tolist() == [1.0] * 3
    noise = np.sinh(3.0 * planes[0, 1])
    # The median of 1681 values is uncertain by 0.03, the quantile by 0.04.
    assert np.median(noise) == pytest.approx(0.0, abs=0.01)
    assert noise.std() == pytest.approx(1.0, abs=0.1)


def test_neither_unit_nor_level_of_a_stamp_counts() -> None:
    plain = stamps()
    other = replace(
        plain, new=7.5 * plain.new + 100.0, ref=0.2 * plain.ref, difference=3.0 * plain.difference
    )
    np.testing.assert_allclose(network_planes(other)[0], network_planes(plain)[0], atol=1e-4)


def test_a_source_that_faded_is_turned_into_one_that_appeared() -> None:
    appeared = stamps()
    faded = replace(appeared, new=appeared.ref, ref=appeared.new, difference=-appeared.difference)
    planes, sign = network_planes(faded)
    assert sign.tolist() == [-1.0] * 3
    # The scatter is that below the median, which a sign swaps with that above.
    np.testing.assert_allclose(planes[:, :2], network_planes(appeared)[0][:, :2], atol=1e-6)
    np.testing.assert_allclose(planes[:, 2], network_planes(appeared)[0][:, 2], atol=0.3)


@pytest.mark.parametrize("size", [51, 63])
def test_larger_stamps_are_cropped(size: int) -> None:
    new = network_planes(stamps(size))[0]
    np.testing.assert_array_equal(new, network_planes(stamps(SIZE))[0])


def test_what_smaller_stamps_lack_is_masked() -> None:
    planes, _ = network_planes(stamps(31))
    assert planes[:, -1].mean() == pytest.approx(1.0 - 31**2 / SIZE**2)
    assert not planes[:, :-1, :5].any()


def test_pixels_without_value_are_zero_and_unusable_ones_are_marked() -> None:
    spoilt = stamps()
    spoilt.difference[:, 3, 4] = np.nan
    spoilt.mask[:, 3, 4] = MaskPlane.COSMIC_RAY
    planes, _ = network_planes(spoilt)
    assert np.isfinite(planes).all()
    assert not planes[:, 2, 3, 4].any()
    assert planes[:, -1].sum(axis=(1, 2)).tolist() == [1.0] * 3


def test_stamps_of_one_value_or_none_are_zero() -> None:
    nothing = stamps()
    nothing.new[:] = np.nan
    nothing.ref[:] = 7.0
    planes, _ = network_planes(nothing)
    assert not planes[:, :2].any()


def test_what_has_no_usable_pixel_in_the_middle_is_not_seen() -> None:
    spoilt = stamps()
    spoilt.mask[1, 18:23, 18:23] = MaskPlane.SATURATED
    spoilt.difference[2, 18:23, 18:23] = np.nan
    assert seen(spoilt).tolist() == [True, False, False]

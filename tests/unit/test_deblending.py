"""Peaks are told apart by the valleys between them, and masks grow with what they cover."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from seechange_core.frames import Floats, Frame, MaskPlane
from seechange_core.imaging.background.source_mask import binned_pairs, grown_with_size
from seechange_core.imaging.matched_filter import significance
from seechange_core.imaging.sources.deblending import split_groups
from seechange_core.imaging.sources.detection import BLENDED, ON_THE_EDGE, find_sources
from seechange_core.imaging.sources.star_galaxy import extension

SHAPE = (60, 80)


def hill(x: float, y: float, height: float, width: float = 2.0) -> Floats:
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray(height * np.exp(-0.5 * ((column - x) ** 2 + (row - y) ** 2) / width**2))


def split(
    landscape: Floats, *, least_rise: float = 4.0, contrast: float = 0.1
) -> list[tuple[int, int, bool]]:
    """Column and row of each peak, and whether it has company."""
    y, x = (at.astype(np.int32) for at in np.nonzero(landscape > 1.0))
    height = landscape[y, x].astype(np.float32)
    owner, peak, blended = split_groups(height, height, y, x, SHAPE, least_rise=least_rise, contrast=contrast)
    assert set(owner) == set(range(len(peak)))
    np.testing.assert_array_equal(owner[peak], np.arange(len(peak)))
    return [(int(x[top]), int(y[top]), bool(flag)) for top, flag in zip(peak, blended, strict=True)]


def test_a_deep_valley_splits_and_a_shallow_one_does_not() -> None:
    near, far = hill(30, 20, 30.0) + hill(34, 20, 20.0), hill(30, 20, 30.0) + hill(38, 20, 20.0)
    assert split(near) == [(31, 20, False)]
    assert split(far) == [(30, 20, True), (38, 20, True)]


def test_the_rise_counts_in_sigma_and_as_a_part_of_the_peak() -> None:
    landscape = hill(30, 20, 30.0) + hill(38, 20, 8.0)
    assert len(split(landscape, least_rise=4.0)) == 2
    assert len(split(landscape, least_rise=8.0)) == 1
    assert len(split(landscape, contrast=0.95)) == 1


def test_peaks_of_different_groups_stay_apart() -> None:
    assert split(hill(15, 20, 9.0) + hill(60, 40, 5.0)) == [(15, 20, False), (60, 40, False)]


def found(
    light: Floats, mask: NDArray[np.uint16] | None = None
) -> tuple[NDArray[np.void], NDArray[np.int32]]:
    mask = np.zeros(SHAPE, np.uint16) if mask is None else mask
    image = Frame(light.astype(np.float32), np.ones(SHAPE, np.float32), mask)
    significant = significance(image.data, image.variance, mask > 0, 3.5)
    return find_sources(
        image,
        significant,
        kernel_fwhm=3.5,
        threshold=5.0,
        min_pixels=1,
        deblend_sigma=4.5,
        deblend_contrast=0.1,
    )


def test_sources_have_positions_shapes_flags_and_segments() -> None:
    sources, segments = found(hill(20.3, 20.0, 20.0) + hill(28.3, 20.2, 15.0) + hill(60.0, 0.0, 12.0))
    assert list(sources["flag"]) == [BLENDED, BLENDED, ON_THE_EDGE]
    np.testing.assert_allclose(sources["x"], [20.3, 28.3, 60.0], atol=0.3)
    np.testing.assert_array_equal(segments[sources["ypeak"], sources["xpeak"]], [1, 2, 3])
    assert (sources["a"] >= sources["b"]).all()
    np.testing.assert_array_equal(np.unique(segments), np.arange(4))


def test_the_noise_on_the_slope_of_a_large_source_is_no_source() -> None:
    bump = hill(60, 30, 0.8, width=1.7)
    halo = hill(35, 30, 4.0, width=15.0)
    assert len(found(halo + bump)[0]) == 1
    assert len(found(halo + 4.0 * bump)[0]) == 2


def test_a_saturated_core_is_one_peak_in_its_middle() -> None:
    light = hill(40.0, 30.0, 1000.0, width=4.0)
    light += np.random.default_rng(1).normal(size=SHAPE)
    mask = np.where(light > 300.0, MaskPlane.SATURATED, 0).astype(np.uint16)
    sources, segments = found(light, mask)
    assert len(sources) == 1
    np.testing.assert_allclose([sources["x"][0], sources["y"][0]], [40.0, 30.0], atol=0.5)
    assert segments[30, 40] == 1


def test_saturated_pixels_alone_are_no_source() -> None:
    mask = np.zeros(SHAPE, np.uint16)
    mask[:, 40] = MaskPlane.SATURATED
    sources, segments = found(np.zeros(SHAPE), mask)
    assert len(sources) == 0
    assert not segments.any()


def test_masks_grow_with_their_thickness() -> None:
    row, column = np.mgrid[:101, :101]
    distance = np.hypot(row - 50, column - 50)
    for radius in (2.0, 12.0):
        grown = grown_with_size(distance <= radius, 2.0, 1.0)
        # Steps along and across pixels make circles octagons that are off by a twelfth.
        assert distance[grown].max() == pytest.approx(2.0 * radius + 1.0, rel=0.1, abs=1.5)
        assert grown[distance <= 1.8 * radius].all()
    assert not grown_with_size(np.zeros((5, 7), bool), 2.0, 3.0).any()


def test_pairs_of_pixels_are_averaged_without_the_masked_ones() -> None:
    data = np.arange(15, dtype=np.float32).reshape(3, 5)
    mask = np.zeros((3, 5), bool)
    mask[0, 0] = mask[2, 4] = True
    means, empty, variance = binned_pairs(data, mask)
    np.testing.assert_allclose(means, [[4.0, 5.0, 6.5], [10.5, 12.5, 0.0]])
    np.testing.assert_array_equal(empty, [[False, False, False], [False, False, True]])
    np.testing.assert_allclose(variance, [[1 / 3, 1 / 4, 1 / 2], [1 / 2, 1 / 2, 1.0]])


def test_extension_counts_the_error_of_the_psf_as_noise() -> None:
    rng = np.random.default_rng(1)
    error = np.full(400, 0.01)
    extent = rng.normal(0.0, np.hypot(0.01, 0.15), 400)
    extent[0] = 3.0
    measured = extension(extent, error, np.full(400, 100.0), 3.0)
    assert measured[1:].std() == pytest.approx(1.0, abs=0.15)
    assert measured[0] > 15
    # Without bright stars the PSF may be as wrong as a star may be off it.
    assert extension(extent[:1], error[:1], np.full(1, 10.0), 3.0)[0] == pytest.approx(40.0, rel=0.05)

"""The parts of the fit of a delta-function kernel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import convolve

from seechange_core.frames import Floats
from seechange_sfft.correlations import MaskedPair, correlate, windows
from seechange_sfft.kernel_fit import fit_kernel
from seechange_sfft.kernel_pixels import kernel_pixels
from seechange_sfft.kernel_solution import solve_kernel
from seechange_sfft.kernel_sources import KernelSources

SHAPE = (160, 200)
HALF = 6


def gaussian(sigma: float, half: int = 12) -> Floats:
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    profile = np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    return profile / profile.sum()


@pytest.fixture
def scene() -> tuple[Floats, KernelSources]:
    """Sixty stars, and one source that is all of the image but its rim."""
    rng = np.random.default_rng(3)
    image = np.zeros(SHAPE)
    for y, x, flux in zip(
        rng.integers(20, 140, 60), rng.integers(20, 180, 60), rng.uniform(1e4, 1e5, 60), strict=True
    ):
        image[y - 12 : y + 13, x - 12 : x + 13] += flux * gaussian(1.8)
    labels = np.zeros(SHAPE, np.int32)
    labels[4:-4, 4:-4] = 1
    sources = KernelSources(labels, np.array([False, True]), np.ones(2), np.zeros(2), 0.0)
    return image.astype(np.float32), sources


def test_squares_of_the_windows_add_up_to_one() -> None:
    total = np.zeros(SHAPE)
    for window in windows(np.ones(SHAPE, np.float32)):
        total[window.box.slices] += window.cut(np.ones(SHAPE, np.float32)) ** 2
    np.testing.assert_allclose(total, 1.0, atol=1e-12)


def test_windows_without_sources_are_left_out() -> None:
    level = np.zeros((600, 400), np.float32)
    level[5, 5] = 1.0
    assert 0 < len(windows(level)) < len(windows(np.ones_like(level)))


def test_correlations_are_sums_over_the_image(scene: tuple[Floats, KernelSources]) -> None:
    image, sources = scene
    target = np.roll(image, (1, -2), (0, 1))
    pair = MaskedPair.of(image, target, sources)
    sums = correlate(pair, windows(pair.level), HALF)
    masked_image, masked_target = pair.image.astype(float), pair.target.astype(float)
    for dy, dx in [(0, 0), (1, 0), (2, -3)]:
        moved = np.roll(masked_image, (dy, dx), (0, 1))
        # The soft edges of windows of 256 pixels take cos(pi d / 256) in each direction.
        taper = np.cos(np.pi * dy / 256) * np.cos(np.pi * dx / 256)
        own = sums.image[:, 2 * HALF + dy, 2 * HALF + dx].sum()
        other = sums.target[:, HALF + dy, HALF + dx].sum()
        assert own == pytest.approx(taper * np.sum(masked_image * moved), rel=2e-3)
        assert other == pytest.approx(taper * np.sum(masked_target * moved), rel=2e-3)
    assert sums.level_square.sum() == pytest.approx(np.count_nonzero(sources.labels))


@pytest.mark.parametrize(("degree", "constant"), [(0, True), (1, True), (1, False)])
def test_known_kernel_is_found(scene: tuple[Floats, KernelSources], degree: int, constant: bool) -> None:
    image, sources = scene
    true = 0.8 * np.roll(gaussian(0.9, HALF), 1, axis=1)
    target = convolve(image.astype(float), true, mode="constant").astype(np.float32) + 3.0
    pair = MaskedPair.of(image, target, sources)
    sums = correlate(pair, windows(pair.level), HALF)
    basis = kernel_pixels(4.2, core=5.0, half=HALF)
    solution = solve_kernel(sums, basis, degree, SHAPE, constant_flux_ratio=constant)
    # Frequencies that the stars lack are free: only what the kernel makes of a star is known.
    made, wanted = (convolve(gaussian(1.8), kernel) for kernel in (solution.kernel(100, 80), true))
    # A window is sloped, which a kernel that shifts and varies takes for its own; over many windows this averages out.
    assert np.abs(made - wanted).max() < (0.003 if degree == 0 else 0.03) * wanted.max()
    assert solution.background(100, 80) == pytest.approx(3.0, abs=0.3)
    assert solution.flux_scale == pytest.approx(0.8, abs=0.004)
    if constant:
        np.testing.assert_allclose(solution.coefficients[1:].sum(axis=1), 0.0, atol=1e-12)


def test_wings_of_the_kernel_are_in_groups() -> None:
    basis = kernel_pixels(4.0, core=6.0, half=14)
    radius = np.hypot(*basis.offsets.T)
    assert basis.half == 14
    assert np.all(basis.sizes[basis.group[radius <= 6]] == 1)
    assert np.median(basis.sizes[basis.group[radius > 10]]) > 5
    assert basis.sizes.sum() == len(basis.offsets)
    assert basis.sizes[basis.middle] == 1
    np.testing.assert_array_equal(basis.offsets[np.flatnonzero(basis.group == basis.middle)], [[0, 0]])
    np.testing.assert_array_equal(basis.summed(np.ones(len(basis.offsets))), basis.sizes)


def test_source_that_does_not_match_is_clipped() -> None:
    rng = np.random.default_rng(5)
    image, labels = np.zeros((256, 256)), np.zeros((256, 256), np.int32)
    places = [(y, x) for y in range(24, 240, 40) for x in range(24, 240, 40)]
    for number, (y, x) in enumerate(places, 1):
        box = np.s_[y - 12 : y + 13, x - 12 : x + 13]
        image[box] += 1e5 * gaussian(1.8)
        labels[box] = number
    target = convolve(image, gaussian(0.9, HALF))
    # This one has a neighbour in the new image.
    target[104 + 3, 64 - 4] += 2e3
    n = len(places) + 1
    noise = rng.normal(0, 5, (2, 256, 256))
    sources = KernelSources(labels, np.arange(n) > 0, np.full(n, 50.0), np.zeros(n), 0.003)
    fitted = fit_kernel(
        (image + noise[0]).astype(np.float32),
        (target + noise[1]).astype(np.float32),
        np.full(image.shape, 50, np.float32),
        sources,
        kernel_pixels(4.2, core=5.0, half=HALF),
        1,
        constant_flux_ratio=True,
    )
    assert np.flatnonzero(~fitted.sources.used).tolist() == [0, labels[104, 64]]
    assert fitted.n_clipped == 1
    assert fitted.is_limited_by_noise
    assert fitted.kernel.flux_scale == pytest.approx(1.0, abs=0.003)
    terms = fitted.residuals.noise_terms(least_registration=0.02, least_relative=0.003)
    assert terms.registration == pytest.approx((0.02, 0.02), abs=0.01)
    assert terms.relative < 0.01

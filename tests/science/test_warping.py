"""Resampling against images whose truth is known: Gaussian stars drawn at exact positions."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from seechange_core.frames import Frame, MaskPlane, PsfModel, SkyMapping
from seechange_core.imaging.alignment.pixel_map import fit_pixel_map
from seechange_core.imaging.alignment.psf_warping import warp_psf
from seechange_core.imaging.alignment.warping import prepare_source, warp_frame, warp_rows

SHAPE = (300, 260)
SCALE = 0.26 / 3600.0
SIGMA = 1.6


def mappings() -> tuple[SkyMapping, SkyMapping]:
    """Of the source (distorted, rotated by 1 degree, 1 % larger pixels) and of the target."""
    angle, size = np.radians(1.0), 1.01 * SCALE
    turn = np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    distortion = np.zeros((4, 4))
    distortion[2, 0], distortion[1, 2] = 3e-7, 5e-10
    source = SkyMapping((359.9999, 40.0), (130.3, 150.2), size * turn, sip_a=distortion)
    return source, SkyMapping((0.0001, 40.0), (128.0, 149.0), np.diag([-SCALE, SCALE]))


def draw(x: np.ndarray, y: np.ndarray, flux: np.ndarray, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Gaussians sampled at pixel centres: exact under any resampling theory, as they are band limited."""
    rows, columns = np.arange(shape[0])[:, None, None], np.arange(shape[1])[None, :, None]
    radius2 = (rows - y) ** 2 + (columns - x) ** 2
    return (flux * np.exp(-0.5 * radius2 / sigma**2) / (2 * np.pi * sigma**2)).sum(axis=2)


@pytest.fixture(scope="module")
def stars() -> tuple[np.ndarray, np.ndarray]:
    grid = np.arange(40.0, 230.0, 38.0)
    rng = np.random.default_rng(5)
    y, x = np.meshgrid(np.append(grid, 262.0), grid, indexing="ij")
    return x.ravel() + rng.uniform(-0.5, 0.5, x.size), y.ravel() + rng.uniform(-0.5, 0.5, x.size)


def test_flux_and_position_are_kept(stars: tuple[np.ndarray, np.ndarray]) -> None:
    source, target = mappings()
    x_target, y_target = stars
    x, y = source.sky_to_pixel(*target.pixel_to_sky(x_target, y_target))
    flux = np.full(len(x), 1e5)
    data = draw(x, y, flux, SHAPE, SIGMA)
    frame = Frame(data, np.ones(SHAPE), np.zeros(SHAPE))
    warped = warp_frame(frame, fit_pixel_map(source, target, SHAPE, SHAPE), SHAPE)
    for number in range(len(x)):
        iy, ix = round(y_target[number]), round(x_target[number])
        cut = warped.data[iy - 12 : iy + 13, ix - 12 : ix + 13].astype(float)
        total = cut.sum()
        steps = np.arange(-12, 13)
        assert total == pytest.approx(1e5, rel=5e-4)
        assert (cut.sum(axis=0) * steps).sum() / total + ix == pytest.approx(x_target[number], abs=0.01)
        assert (cut.sum(axis=1) * steps).sum() / total + iy == pytest.approx(y_target[number], abs=0.01)


def test_warped_psf_matches_warped_stars(stars: tuple[np.ndarray, np.ndarray]) -> None:
    source, target = mappings()
    x_target, y_target = stars
    x, y = source.sky_to_pixel(*target.pixel_to_sky(x_target, y_target))
    frame = Frame(draw(x, y, np.ones(len(x)), SHAPE, SIGMA), np.ones(SHAPE), np.zeros(SHAPE))
    pixel_map = fit_pixel_map(source, target, SHAPE, SHAPE)
    warped = warp_frame(frame, pixel_map, SHAPE)
    stamp = draw(np.array([12.0]), np.array([12.0]), np.ones(1), (25, 25), SIGMA)
    psf = warp_psf(PsfModel(stamp[None].astype(np.float32), fwhm=2.3548 * SIGMA), pixel_map, SHAPE)
    assert psf.coefficients.sum() == pytest.approx(1.0, abs=1e-3)
    half = psf.size // 2
    rendered = psf.stamps(x_target, y_target)
    for number in range(len(x)):
        iy, ix = int(np.floor(y_target[number] + 0.5)), int(np.floor(x_target[number] + 0.5))
        cut = warped.data[iy - half : iy + half + 1, ix - half : ix + half + 1]
        assert np.abs(rendered[number] - cut).max() < 0.002 * cut.max()


@pytest.mark.parametrize("shift", [(0.5, 0.5), (0.25, 0.0), (3.0, -2.0)])
def test_psf_moved_by_one_phase_is_that_of_the_phase(shift: tuple[float, float]) -> None:
    # FWHM 2.4 pixels: the kernel's response differs by some per cent between subpixel phases.
    sigma, shape = 1.02, (120, 100)
    mapping = SkyMapping((10.0, 10.0), (50.0, 60.0), np.diag([-SCALE, SCALE]))
    source = SkyMapping((10.0, 10.0), (50.0 + shift[0], 60.0 + shift[1]), np.diag([-SCALE, SCALE]))
    pixel_map = fit_pixel_map(source, mapping, shape)
    stamp = draw(np.array([12.0]), np.array([12.0]), np.ones(1), (25, 25), sigma)
    psf = warp_psf(PsfModel(stamp[None].astype(np.float32), fwhm=2.3548 * sigma), pixel_map, shape)
    # On a pixel of the target.
    frame = Frame(
        draw(np.array([50.0 + shift[0]]), np.array([60.0 + shift[1]]), np.ones(1), shape, sigma),
        *2 * [np.ones(shape)],
    )
    warped = warp_frame(frame.replaced(mask=np.zeros(shape)), pixel_map, shape)
    half = psf.size // 2
    cut = warped.data[60 - half : 61 + half, 50 - half : 51 + half]
    assert np.abs(psf.centred(50.0, 60.0) - cut).max() < 0.002 * cut.max()
    if shift == (3.0, -2.0):
        assert (
            np.abs(psf.centred(50.0, 60.0) - stamp[12 - half : 13 + half, 12 - half : 13 + half]).max() < 1e-5
        )


def test_whole_pixels_are_copied() -> None:
    mapping = SkyMapping((10.0, 10.0), (50.0, 60.0), np.diag([-SCALE, SCALE]))
    source = SkyMapping((10.0, 10.0), (57.0, 55.0), np.diag([-SCALE, SCALE]))
    rng = np.random.default_rng(6)
    shape = (110, 90)
    data, mask = rng.normal(size=shape).astype(np.float32), np.zeros(shape, np.uint16)
    data[70, 40], mask[80, 30] = np.nan, MaskPlane.COSMIC_RAY
    variance = rng.uniform(1, 2, shape).astype(np.float32)
    pixel_map = fit_pixel_map(source, mapping, shape, shape)
    assert pixel_map.whole_shift() == (7, -5)
    warped = warp_frame(Frame(data, variance, mask, noise_ratio=0.9), pixel_map, shape)
    assert np.array_equal(warped.data[5:, :83], np.nan_to_num(data)[:-5, 7:])
    good = np.isfinite(data)[:-5, 7:]
    assert np.array_equal(warped.variance[5:, :83][good], variance[:-5, 7:][good])
    assert warped.noise_ratio == 0.9
    assert warped.mask[75, 33] == MaskPlane.NO_DATA
    assert warped.mask[85, 23] == MaskPlane.COSMIC_RAY
    assert (warped.mask != 0).sum() == 110 * 90 - 105 * 83 + 2
    assert not warped.data[:5].any()
    strip = warp_rows(prepare_source(Frame(data, variance, mask)), pixel_map, (3, 40), 90)
    assert np.array_equal(strip[0], warped.data[3:40])


def test_identity_changes_nothing() -> None:
    _, target = mappings()
    rng = np.random.default_rng(2)
    frame = Frame(rng.normal(size=SHAPE), rng.uniform(1, 2, SHAPE), np.zeros(SHAPE))
    warped = warp_frame(frame, fit_pixel_map(target, target, SHAPE), SHAPE)
    np.testing.assert_allclose(warped.data, frame.data, atol=1e-6)
    np.testing.assert_allclose(warped.variance, frame.variance, rtol=1e-5)
    assert not np.any(warped.mask & MaskPlane.NO_DATA)


def test_noise_ratio_is_that_of_the_pixels() -> None:
    source, target = mappings()
    rng = np.random.default_rng(3)
    shape = (900, 900)
    frame = Frame(rng.normal(0, 20, shape), np.full(shape, 400.0), np.zeros(shape))
    warped = warp_frame(frame, fit_pixel_map(source, target, shape, shape), shape)
    good = warped.mask == 0
    pull = warped.data[good] / np.sqrt(warped.variance[good])
    assert warped.noise_ratio == pytest.approx(pull.std(), rel=0.01)
    assert 0.85 < warped.noise_ratio < 0.97
    # Low frequencies keep their noise: sums over blocks scatter as the variance says, to the error of 900 blocks.
    safe = np.where(good, warped.variance, 1.0)
    blocks = np.where(good, warped.data / np.sqrt(safe), 0)[60:840, 60:840].reshape(26, 30, 26, 30)
    assert blocks.sum(axis=(1, 3)).std() / 30.0 == pytest.approx(1.0, abs=0.08)


def test_mask_is_carried_and_bad_pixels_do_not_ring() -> None:
    source, target = mappings()
    data = np.full(SHAPE, 7.0, np.float32)
    mask = np.zeros(SHAPE, np.uint16)
    data[100, 120], mask[100, 120] = 1e7, MaskPlane.COSMIC_RAY
    data[200, 50] = np.nan
    pixel_map = fit_pixel_map(source, target, SHAPE, SHAPE)
    warped = warp_frame(Frame(data, np.full(SHAPE, 7.0), mask), pixel_map, SHAPE)
    ray = (warped.mask & MaskPlane.COSMIC_RAY) != 0
    x, y = pixel_map(*(values.ravel() for values in np.nonzero(ray)[::-1]))
    assert ray.sum() in range(12, 21)
    assert np.abs(x - 120).max() <= 2.01
    assert np.abs(y - 100).max() <= 2.01
    inside = (warped.mask & MaskPlane.NO_DATA) == 0
    areas = np.abs(
        np.linalg.det(pixel_map.jacobian(*(v.ravel() for v in np.meshgrid(range(260), range(300)))))
    )
    np.testing.assert_allclose(warped.data[inside], 7.0 * areas.reshape(SHAPE)[inside], rtol=2e-4)
    outside = ~inside
    x, y = pixel_map(*(values.ravel() for values in np.nonzero(outside)[::-1]))
    near_nan = (np.abs(x - 50) < 2.01) & (np.abs(y - 200) < 2.01)
    assert np.all(near_nan | (x < 0) | (x > 259) | (y < 0) | (y > 299))
    assert near_nan.sum() >= 12
    assert np.all(warped.data[outside][~near_nan] == 0)


def test_variance_goes_with_the_area_squared() -> None:
    source, target = mappings()
    frame = Frame(np.zeros(SHAPE), np.full(SHAPE, 50.0), np.zeros(SHAPE))
    pixel_map = fit_pixel_map(source, target, SHAPE, SHAPE)
    warped = warp_frame(frame, pixel_map, SHAPE)
    area = abs(np.linalg.det(pixel_map.jacobian([130.0], [150.0])[0]))
    assert area == pytest.approx(1 / 1.01**2, rel=1e-3)
    assert warped.variance[150, 130] == pytest.approx(50.0 * area**2, rel=1e-4)


def test_strips_equal_the_whole_and_runs_repeat() -> None:
    source, target = mappings()
    rng = np.random.default_rng(4)
    frame = Frame(rng.normal(size=SHAPE), np.ones(SHAPE), (rng.random(SHAPE) < 0.01).astype(np.uint16))
    pixel_map = fit_pixel_map(source, target, SHAPE, SHAPE)
    whole = warp_frame(frame, pixel_map, SHAPE)
    again = warp_frame(frame, pixel_map, SHAPE)
    strip = warp_rows(prepare_source(frame), pixel_map, (100, 140), SHAPE[1])
    for name, rows in zip(("data", "variance", "mask"), strip, strict=True):
        assert np.array_equal(getattr(whole, name), getattr(again, name))
        assert np.array_equal(getattr(whole, name)[100:140], rows)


def test_map_is_fitted_where_the_images_overlap() -> None:
    source, _ = mappings()
    steep = np.zeros((4, 4))
    steep[3, 0] = 1e-8
    source = SkyMapping(source.crval, source.crpix, source.cd, sip_a=steep)
    large = SkyMapping(source.crval, (2000.0, 2000.0), np.diag([-SCALE, SCALE]))
    pixel_map = fit_pixel_map(source, large, (4000, 4000), SHAPE)
    x, y = np.array([1950.0, 2050.0]), np.array([1900.0, 2080.0])
    wanted = source.sky_to_pixel(*large.pixel_to_sky(x, y))
    np.testing.assert_allclose(pixel_map(x, y), wanted, atol=1e-3)


def test_images_that_do_not_overlap_are_refused() -> None:
    source, target = mappings()
    far = SkyMapping((10.0, 40.0), target.crpix, target.cd)
    with pytest.raises(ValueError, match="do not overlap"):
        fit_pixel_map(source, far, SHAPE, SHAPE)


def test_overwriting_the_source_spares_memory_and_changes_nothing() -> None:
    source, target = mappings()
    rng = np.random.default_rng(4)
    mask = (rng.random(SHAPE) < 0.01).astype(np.uint16)
    frame = Frame(rng.normal(size=SHAPE), rng.uniform(1, 2, SHAPE), mask)
    frame.data[50, 60] = np.nan
    pixel_map = fit_pixel_map(source, target, SHAPE, SHAPE)
    warped, peaks = [], []
    for overwrite in (False, True):
        private = frame.replaced(data=frame.data.copy())
        warp_frame(private, pixel_map, SHAPE)
        tracemalloc.start()
        warped.append(warp_frame(private, pixel_map, SHAPE, overwrite=overwrite))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    for name in ("data", "variance", "mask", "noise_ratio"):
        assert np.array_equal(*(getattr(one, name) for one in warped)), name
    assert warped[0].mask.any()
    assert peaks[0] - peaks[1] > 0.9 * frame.data.nbytes

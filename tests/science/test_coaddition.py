"""Coadds against truth: Gaussian stars on images of different seeing, depth, pointing and rotation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from seechange_core.errors import Rejected
from seechange_core.frames import (
    BackgroundModel,
    Frame,
    MaskPlane,
    PhotometricSolution,
    PsfModel,
    SkyMapping,
    SourceTable,
    unusable,
)
from seechange_core.imaging.alignment.sky_grid import SkyGrid
from seechange_core.imaging.astrometry.wcs_cards import mapping_from_cards
from seechange_core.imaging.coaddition.coadd import METHODS
from seechange_core.steps.coaddition import Coaddition, CoadditionParams
from seechange_core.steps.gates import judged
from seechange_core.steps.step import CalibratedImage, StepResult

SHAPE = (320, 300)
SCALE = 0.26 / 3600.0
GRID = SkyGrid(40.0, -20.0, 0.26, (300, 280))
ZERO_POINT = 30.0
FWHM_TO_SIGMA = 1.0 / 2.3548


def gaussian(size: int, sigma: float) -> np.ndarray:
    step = np.arange(size) - size // 2
    stamp = np.exp(-0.5 * (step[:, None] ** 2 + step[None, :] ** 2) / sigma**2)
    return stamp / stamp.sum()


def draw(x: np.ndarray, y: np.ndarray, flux: np.ndarray, sigma: float) -> np.ndarray:
    rows, columns = np.arange(SHAPE[0]), np.arange(SHAPE[1])
    light = np.zeros(SHAPE)
    for star_x, star_y, star_flux in zip(x, y, flux, strict=True):
        across = np.exp(-0.5 * (columns - star_x) ** 2 / sigma**2)
        along = np.exp(-0.5 * (rows - star_y) ** 2 / sigma**2)
        light += star_flux / (2 * np.pi * sigma**2) * along[:, None] * across[None, :]
    return light


def stars(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions on the grid and fluxes at the common zero point, apart by 40 pixels."""
    rng = np.random.default_rng(seed)
    y, x = (
        values.ravel()
        for values in np.meshgrid(np.arange(30.0, 280, 40), np.arange(30.0, 260, 40), indexing="ij")
    )
    shift = rng.uniform(-4, 4, (2, x.size))
    return x + shift[0], y + shift[1], 10 ** rng.uniform(3.5, 5.5, x.size)


def member(
    number: int,
    seed: int,
    fwhm: float,
    sky: float,
    zero_point: float,
    *,
    rays: int = 0,
    calibrated: bool = True,
) -> CalibratedImage:
    rng = np.random.default_rng([seed, number])
    angle = rng.uniform(-0.02, 0.02)
    cd = SCALE * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    crpix = (150 + rng.uniform(-5, 5), 160 + rng.uniform(-5, 5))
    mapping = SkyMapping((40.0, -20.0), crpix, cd)
    x, y, flux = stars(seed)
    x, y = mapping.sky_to_pixel(*GRID.mapping.pixel_to_sky(x, y))
    light = draw(x, y, flux * 10 ** (0.4 * (zero_point - ZERO_POINT)), fwhm * FWHM_TO_SIGMA)
    variance = sky + light
    data = light + sky + rng.normal(0, np.sqrt(variance))
    for _ in range(rays):
        ray_y, ray_x = rng.integers(20, SHAPE[0] - 20), rng.integers(20, SHAPE[1] - 20)
        data[ray_y, ray_x : ray_x + 4] += 5000.0
    background = BackgroundModel(
        np.full((2, 2), sky), np.full((2, 2), sky**0.5), (160, 150), SHAPE, sky, sky**0.5
    )
    psf = PsfModel(gaussian(33, fwhm * FWHM_TO_SIGMA)[None].astype(np.float32), fwhm=fwhm, n_stars=40)
    info = {"mjd": 60000.0 + number, "exposure_s": 60.0, "filter": "r", "saturation_electron": 1e5}
    photometry = PhotometricSolution(zero_point, 0.002, 0.01, 100, "r", calibrated=calibrated)
    frame = Frame(data, variance, np.zeros(SHAPE), info)
    return CalibratedImage(frame, background, SourceTable.empty(), psf, mapping, photometry)


def coadded(members: list[CalibratedImage], **params: object) -> StepResult:
    return Coaddition().run({"members": tuple(members), "grid": GRID}, CoadditionParams(**params), None)


def varied_members(seed: int, number: int = 8, rays: int = 0) -> list[CalibratedImage]:
    rng = np.random.default_rng(seed)
    return [
        member(
            i,
            seed,
            rng.uniform(3.2, 5.2),
            rng.uniform(300, 900),
            ZERO_POINT + rng.uniform(-0.2, 0.2),
            rays=rays,
        )
        for i in range(number)
    ]


def aperture_fluxes(frame: Frame, x: np.ndarray, y: np.ndarray, radius: float = 14.0) -> np.ndarray:
    rows, columns = np.indices(frame.shape)
    return np.array(
        [frame.data[np.hypot(columns - u, rows - v) < radius].sum() for u, v in zip(x, y, strict=True)]
    )


def test_depth_is_near_the_ideal(seed: int, record_figure: Callable[[str, float, str], None]) -> None:
    members = varied_members(seed)
    result = coadded(members)
    frame = result.outputs["image"]
    median = float(np.median([each.photometry.zero_point for each in members]))
    ideal = 0.0
    for each in members:
        factor = 10 ** (0.4 * (each.photometry.zero_point - median))
        ideal += (
            factor**2
            * float((each.psf.coefficients.astype(float) ** 2).sum())
            / each.background.mean_electron
        )
    rng = np.random.default_rng(seed)
    # A coadd's own PSF as matched filter, on empty sky.
    x, y, _ = stars(seed)
    rows, columns = np.indices(frame.shape)
    empty = np.all([np.hypot(columns - u, rows - v) > 18 for u, v in zip(x, y, strict=True)], axis=0)
    psf = _coadd_psf(members, result)
    half = psf.shape[0] // 2
    positions = [p for p in np.argwhere(empty) if half <= p[0] < 300 - half and half <= p[1] < 280 - half]
    chosen = [positions[i] for i in rng.choice(len(positions), 1500, replace=False)]
    filtered = [np.sum(psf * frame.data[v - half : v + half + 1, u - half : u + half + 1]) for v, u in chosen]
    measured = float((psf**2).sum() / np.std(filtered))
    record_figure("coadd_depth", measured / ideal**0.5, "of the ideal")
    # 1,500 places on 84,000 pixels hold about 700 independent values: 3 %.
    assert measured / ideal**0.5 > 0.94
    predicted = float(np.sqrt((psf**2).sum() / np.median(frame.variance[empty & (frame.variance > 0)])))
    assert predicted / ideal**0.5 == pytest.approx(0.985, abs=0.015)


def _coadd_psf(members: list[CalibratedImage], result: StepResult) -> np.ndarray:
    """The mean of the Gaussians with the weights that the step says it used, on the common scale."""
    weights = np.array(result.metrics["weights"])
    mean = sum(w * each.psf.coefficients[0].astype(float) for w, each in zip(weights, members, strict=True))
    return np.asarray(mean)


@pytest.mark.parametrize("method", ["weighted", "proper"])
def test_stars_keep_their_flux_in_varying_seeing(method: str, seed: int) -> None:
    members = varied_members(seed)
    result = coadded(members, method=method)
    frame = result.outputs["image"]
    x, y, flux = stars(seed)
    median = float(np.median([each.photometry.zero_point for each in members]))
    found = aperture_fluxes(frame, x, y) * 10 ** (0.4 * (ZERO_POINT - median))
    bright = flux > 3e4
    error = np.sqrt(np.pi * 14**2 * 600 / len(members) + flux / len(members))
    assert np.abs((found - flux)[bright] / np.hypot(error, 1e-3 * flux)[bright]).max() < 4.5
    assert np.mean((found / flux)[bright]) == pytest.approx(1.0, abs=2e-3)
    assert result.metrics["clipped_fraction"] < 1e-4


def test_psf_is_that_of_the_stars() -> None:
    """Width and shape of the mean profile: the width is well below the mean of 3 and 6 pixels."""
    members = [member(0, 1, 3.0, 500, ZERO_POINT), member(1, 1, 6.0, 500, ZERO_POINT)]
    result = coadded(members, method="mean")
    psf = result.outputs["supplied_psf"]
    assert result.metrics["fwhm_pixel"] == psf.fwhm
    radius = np.linspace(0, 4, 4001)
    profile = np.sum(
        [np.exp(-0.5 * (radius / s) ** 2) / s**2 for s in np.array([3, 6]) * FWHM_TO_SIGMA], axis=0
    )
    width = 2 * radius[np.argmin(np.abs(profile - profile[0] / 2))]
    # Pixels and the resampling widen it by some per cent.
    assert psf.fwhm == pytest.approx(width, rel=0.05)
    x, y, flux = stars(1)
    brightest = int(np.argmax(flux))
    column, row = int(np.rint(x[brightest])), int(np.rint(y[brightest]))
    stamp = psf.stamp(x[brightest], y[brightest], 15)
    star = result.outputs["image"].data[row - 7 : row + 8, column - 7 : column + 8]
    # Photon noise and resampling: 3 % of the peak.
    assert np.abs(star / flux[brightest] - stamp).max() < 0.03 * stamp.max()


@pytest.mark.parametrize("fwhms", [(3, 6), (3, 4), (3, 4, 5), (3, 5, 5), (3, 3, 3, 3, 6)])
def test_few_images_of_different_seeing_keep_the_cores_of_stars(fwhms: tuple[float, ...]) -> None:
    members = [member(number, 1, fwhm, 500, ZERO_POINT) for number, fwhm in enumerate(fwhms)]
    result = coadded(members)
    assert result.metrics["clipped_fraction"] == 0
    x, y, flux = stars(1)
    bright = flux > 3e4
    found = aperture_fluxes(result.outputs["image"], x, y)
    # The light beyond the aperture of the widest, and noise.
    assert np.mean((found / flux)[bright]) == pytest.approx(1.0, abs=3e-3)


@pytest.mark.parametrize("number", [2, 3, 8])
def test_cosmic_rays_are_clipped(number: int) -> None:
    clean, hit = coadded(varied_members(2, number)), coadded(varied_members(2, number, rays=25))
    assert hit.metrics["clipped_fraction"] > 0.0005
    difference = (hit.outputs["image"].data - clean.outputs["image"].data) / np.sqrt(
        clean.outputs["image"].variance + 1
    )
    left = np.argwhere(np.abs(difference[20:-20, 20:-20]) > 20) + 20
    x, y, _ = stars(2)
    off_stars = np.min(np.hypot(left[:, 1, None] - x, left[:, 0, None] - y), axis=1) > 6
    # Unclipped, 25 rays of 4 pixels leave some 100 pixels an image beyond 20 sigma. On stars some stay; elsewhere only
    # where rays of two of three images cross.
    assert off_stars.sum() <= (4 if number == 3 else 0)
    assert len(left) <= 12


def test_empty_sky_has_the_variance_that_it_says() -> None:
    frame = coadded(varied_members(4)).outputs["image"]
    x, y, _ = stars(4)
    rows, columns = np.indices(frame.shape)
    empty = np.all([np.hypot(columns - u, rows - v) > 18 for u, v in zip(x, y, strict=True)], axis=0) & (
        frame.mask == 0
    )
    pull = frame.data[empty] / np.sqrt(frame.variance[empty])
    # Stars in all blocks of so small an image add 1 to 2 % to the measured ratio.
    assert pull.std() == pytest.approx(frame.noise_ratio, rel=0.03)
    assert abs(pull.mean()) < 0.02


@pytest.mark.parametrize("method", ["weighted", "proper"])
def test_masks_and_gaps(method: str) -> None:
    members = varied_members(5, 4)
    masks = [each.image.mask.copy() for each in members]
    for number, each in enumerate(members):
        ra, dec = GRID.mapping.pixel_to_sky([100.0], [120.0])
        x, y = each.mapping.sky_to_pixel(ra, dec)
        here = np.s_[
            round(float(y[0])) - 4 : round(float(y[0])) + 5, round(float(x[0])) - 4 : round(float(x[0])) + 5
        ]
        masks[number][here] = MaskPlane.BAD
    masks[0][200:204, 150:154] = MaskPlane.SATURATED
    masks[1][50:54, 60:64] = MaskPlane.BAD
    changed = [
        CalibratedImage(
            each.image.replaced(mask=mask),
            each.background,
            each.sources,
            each.psf,
            each.mapping,
            each.photometry,
        )
        for each, mask in zip(members, masks, strict=True)
    ]
    frame = coadded(changed, method=method).outputs["image"]
    clean = coadded(members, method=method).outputs["image"]
    # Where one of four lacks, or all, the rest is as it was.
    far = np.ones(frame.shape, bool)
    for y, x in ((120, 100), (196, 150), (46, 60)):
        far[y - 30 : y + 31, x - 30 : x + 31] = False
    assert np.abs(frame.data - clean.data)[far].max() < 0.5 * np.sqrt(np.median(frame.variance))
    assert frame.mask[120, 100] & MaskPlane.BAD
    assert frame.mask[120, 100] & MaskPlane.NO_DATA
    assert frame.variance[120, 100] == 0
    bad = (frame.mask & MaskPlane.BAD) != 0
    assert bad.sum() < 200
    saturated = (frame.mask & MaskPlane.SATURATED) != 0
    assert 16 <= saturated.sum() <= 80
    assert not unusable(frame.mask)[150:160, 150:160].any()


def test_header_and_info_let_the_chain_go_on() -> None:
    result = coadded(varied_members(6, 3))
    frame = result.outputs["image"]
    mapping = mapping_from_cards(frame.header)
    assert mapping.pixel_to_sky([10.0], [20.0])[0] == pytest.approx(
        GRID.mapping.pixel_to_sky([10.0], [20.0])[0]
    )
    info = frame.info
    assert info["coadd"] is True
    assert info["mjd"] == pytest.approx(60001.0)
    assert (info["gain"], info["n_members"], info["filter"], info["section"]) == (1.0, 3, "r", GRID.cell)
    assert result.metrics["n_members"] == 3


def test_exposure_time_is_that_of_the_zero_point() -> None:
    members = [
        replace(
            each,
            image=each.image.replaced(info={**each.image.info, "exposure_s": exposure_s}),
            photometry=replace(each.photometry, zero_point=25.0 + 2.5 * math.log10(exposure_s)),
        )
        for each, exposure_s in zip(varied_members(8, 3), (30.0, 60.0, 600.0), strict=True)
    ]
    info = coadded(members).outputs["image"].info
    assert info["zero_point"] == pytest.approx(25.0 + 2.5 * math.log10(info["exposure_s"]))
    assert (info["exposure_s"], info["total_exposure_s"]) == (60.0, 690.0)


def test_same_input_gives_the_same_bytes() -> None:
    members = varied_members(7, 4, rays=5)
    one, two = (coadded(members).outputs["image"] for _ in range(2))
    assert np.array_equal(one.data, two.data)
    assert np.array_equal(one.variance, two.variance)
    assert one.noise_ratio == two.noise_ratio


def test_members_that_do_not_reach_or_are_not_calibrated() -> None:
    near = member(0, 1, 4.0, 500.0, ZERO_POINT)
    far = CalibratedImage(
        near.image,
        near.background,
        near.sources,
        near.psf,
        SkyMapping((50.0, -20.0), (0, 0), near.mapping.cd),
        near.photometry,
    )
    assert coadded([near, far]).metrics["n_outside"] == 1
    with pytest.raises(Rejected, match="none of 1 members reaches"):
        coadded([far])
    with pytest.raises(Rejected, match="no calibrated zero point"):
        coadded([near, member(1, 1, 4.0, 500.0, ZERO_POINT, calibrated=False)])


def test_every_method_can_be_named() -> None:
    assert set(get_args(CoadditionParams.model_fields["method"].annotation)) == set(METHODS)


def test_members_whose_zero_point_varies_are_brought_to_one_scale() -> None:
    flat, varied = (member(number, 3, 4.0, 400, ZERO_POINT) for number in (0, 1))
    tilted = replace(varied.photometry, variation=(0.05, 0.0), shape=SHAPE)
    columns = np.arange(float(SHAPE[1]))
    bright = 10 ** (0.4 * (tilted.zero_point_at(columns, np.zeros(SHAPE[1])) - ZERO_POINT))
    light = (varied.image.data - 400.0) * bright.astype(np.float32)
    varied = replace(varied, image=varied.image.replaced(data=light + 400.0), photometry=tilted)
    frames = [coadded([one]).outputs["image"] for one in (flat, varied)]
    x, y, flux = stars(3)
    chosen = flux > 3e4
    ratio = (aperture_fluxes(frames[1], x, y) / aperture_fluxes(frames[0], x, y))[chosen]
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.005)
    # Uncorrected, fluxes would differ by 9 % across the image.
    assert abs(np.polyfit(x[chosen], ratio, 1)[0]) * 300 < 0.015


def test_what_only_the_later_half_shows_is_marked() -> None:
    """A supernova between the stars, in the later four of eight images."""
    members = varied_members(9)
    x, y = 150.0, 170.0
    ra, dec = (float(values[0]) for values in GRID.mapping.pixel_to_sky([x], [y]))
    exploded = []
    for number, each in enumerate(members):
        u, v = (float(values[0]) for values in each.mapping.sky_to_pixel([ra], [dec]))
        light = draw(
            np.array([u]), np.array([v]), np.array([5000.0 * (number >= 4)]), each.psf.fwhm * FWHM_TO_SIGMA
        )
        exploded.append(replace(each, image=each.image.replaced(data=each.image.data + light)))
    result = coadded(exploded)
    (place,) = result.metrics["contaminated_places"]
    assert result.metrics["n_contaminated"] == 1
    assert result.metrics["halves_apart_days"] == 4.0
    assert (place["ra"], place["dec"]) == pytest.approx((ra, dec), abs=1.5 * SCALE)
    assert place["significance"] > 10
    assert place["later_electron"] - place["earlier_electron"] == pytest.approx(5000, rel=0.15)
    marked = (result.outputs["image"].mask & MaskPlane.CONTAMINATED) != 0
    assert marked[round(y), round(x)]
    assert marked.sum() < 500
    assert not unusable(result.outputs["image"].mask)[round(y), round(x)]
    gated = CoadditionParams(gates={"n_contaminated": {"reject_above": 0}})
    with pytest.raises(Rejected, match="n_contaminated is 1") as rejected:
        judged(gated, result.metrics, "r", "coaddition")
    assert rejected.value.flags == ("contaminated",)
    assert coadded(members).metrics["n_contaminated"] == 0
    assert "n_contaminated" not in coadded(exploded[3:6]).metrics

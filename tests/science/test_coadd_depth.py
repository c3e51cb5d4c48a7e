"""What coadds of images in seeing of 0.8 to 1.6 arcsec keep and leave out: Moffat stars, rays, a trail, an asteroid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from scipy.fft import irfft2, rfft2

from seechange_core.frames import Frame, PsfModel
from seechange_core.imaging.alignment.pixel_map import PixelMap
from seechange_core.imaging.coaddition.coadd import METHODS, Clipping, Coadd, Member, WarpedMembers, coadd
from seechange_core.imaging.coaddition.half_comparison import compare_halves
from seechange_core.imaging.robust import scatter
from seechange_core.simulation.psf_field import MoffatField

SIDE = 480
SHAPE = (SIDE, SIDE)
CLIPPING = Clipping(5.0, 0.2)
ARCSEC_PER_PIXEL = 0.26
STAMP = 61
MIDDLE = (SIDE - 1) / 2
#: What no image has: no clipping.
NO_CLIPPING = Clipping(100.0, 10.0)

Record = Callable[[str, float, str], None]


class Scene:
    """Images of one field, each with its own seeing, sky and pointing."""

    def __init__(self, seed: int, n_images: int, n_stars: int) -> None:
        self.random = np.random.default_rng([seed, n_images, n_stars])
        self.fwhm = self.random.uniform(0.8, 1.6, n_images) / ARCSEC_PER_PIXEL
        self.sky = self.random.uniform(300.0, 900.0, n_images)
        self.shift = self.random.uniform(-4.0, 4.0, (n_images, 2))
        self.x, self.y = self.random.uniform(0, SIDE, (2, n_stars))
        # Peaks of up to some 1000 sigma of the sky: nearly saturated.
        self.flux = 10 ** self.random.uniform(2.5, 6.0, n_stars)
        self.psfs = [moffat(fwhm) for fwhm in self.fwhm]
        self.extra = np.zeros((n_images, *SHAPE), np.float32)

    def members(self) -> Iterator[Member]:
        for number, psf in enumerate(self.psfs):
            dx, dy = self.shift[number]
            light = np.zeros(SHAPE)
            add_stars(light, psf, self.x + dx, self.y + dy, self.flux)
            variance = light + self.extra[number].clip(0) + self.sky[number]
            data = light + self.extra[number] + self.random.normal(0, np.sqrt(variance))
            # The model of the noise knows no rays or trails.
            frame = Frame(data, light + self.sky[number], np.zeros(SHAPE))
            yield Member(frame, psf, shifted(dx, dy), 1.0)

    @contextmanager
    def warped(self) -> Iterator[WarpedMembers]:
        with WarpedMembers(self.members(), SHAPE) as members:
            yield members


def moffat(fwhm: float) -> PsfModel:
    field = MoffatField(SHAPE, fwhm, (0.02, 0.0), 3.5)
    stamp = field.centred(np.array([MIDDLE]), np.array([MIDDLE]), STAMP).astype(np.float32)
    return PsfModel(stamp, fwhm=fwhm, n_stars=50)


def shifted(dx: float, dy: float) -> PixelMap:
    x_terms, y_terms = np.array([MIDDLE + dx, MIDDLE, 0.0]), np.array([MIDDLE + dy, 0.0, MIDDLE])
    box = (0.0, SIDE - 1.0, 0.0, SIDE - 1.0)
    return PixelMap(x_terms, y_terms, 1, (MIDDLE, MIDDLE), (MIDDLE, MIDDLE), box)


def add_stars(light: np.ndarray, psf: PsfModel, x: np.ndarray, y: np.ndarray, flux: np.ndarray) -> None:
    half = STAMP // 2
    padded = np.zeros((SIDE + 4 * half, SIDE + 4 * half))
    for stamp, u, v, value in zip(psf.stamps(x, y, STAMP), x, y, flux, strict=True):
        left, low = int(np.floor(u + 0.5)) + half, int(np.floor(v + 0.5)) + half
        padded[low : low + STAMP, left : left + STAMP] += value * stamp
    light += padded[2 * half : -2 * half, 2 * half : -2 * half]


def matched(data: np.ndarray, psf: PsfModel) -> np.ndarray:
    """Filter an image with its PSF; divided by the sum of squares this is the flux of a point source."""
    stamp = psf.centred(MIDDLE, MIDDLE)
    padded = np.zeros(data.shape)
    padded[: len(stamp), : len(stamp)] = stamp
    padded = np.roll(padded, (-(len(stamp) // 2), -(len(stamp) // 2)), (0, 1))
    return np.asarray(irfft2(rfft2(data) * rfft2(padded).conj(), data.shape))


@pytest.mark.parametrize("method", ["weighted", "proper"])
def test_depth_against_theory(method: str, seed: int, record_figure: Record) -> None:
    """Noise of point-source fluxes on empty sky, compared with what all images hold together."""
    scene = Scene(seed, 12, 0)
    with scene.warped() as members:
        made = coadd(members, method=method, clipping=CLIPPING)
    of_images = [
        (psf.coefficients[0].astype(float) ** 2).sum() / v
        for psf, v in zip(scene.psfs, scene.sky, strict=True)
    ]
    squares = (made.psf.centred(MIDDLE, MIDDLE) ** 2).sum()
    inner = np.s_[40:-40, 40:-40]
    depth = squares / scatter(matched(made.frame.data, made.psf)[inner]) / np.sum(of_images) ** 0.5
    record_figure(f"coadd_depth_{method}", depth, "of the ideal")
    # 160,000 pixels hold some 4,000 independent fluxes: 1.3 %.
    assert depth == pytest.approx(made.depth_fraction, abs=0.045)
    assert made.depth_fraction > {"weighted": 0.97, "proper": 0.99}[method]
    assert made.clipped_fraction < 1e-5


@pytest.mark.slow
def test_methods_in_the_order_of_their_depth() -> None:
    with Scene(1, 8, 0).warped() as members:
        depth = {name: coadd(members, method=name, clipping=CLIPPING).depth_fraction for name in METHODS}
    assert depth["mean"] < depth["weighted"] < depth["proper"] < 1.0


@pytest.fixture(scope="module", params=["weighted", "proper"])
def crowded(request: pytest.FixtureRequest, seed: int) -> tuple[Scene, Coadd]:
    scene = Scene(seed, 12, 120)
    with scene.warped() as members:
        return scene, coadd(members, method=request.param, clipping=CLIPPING)


def test_stars_are_not_clipped(crowded: tuple[Scene, Coadd], record_figure: Record) -> None:
    _, made = crowded
    record_figure("coadd_clipped_of_stars", made.clipped_fraction, "of the pixels")
    # Noise alone: 5 sigma in some 3 million pixels at two scales.
    assert made.clipped_fraction < 2e-5


def test_psf_and_variance_are_those_of_the_result(
    crowded: tuple[Scene, Coadd], record_figure: Record
) -> None:
    scene, made = crowded
    model = np.zeros(SHAPE)
    add_stars(model, made.psf, scene.x, scene.y, scene.flux)
    inner = np.s_[40:-40, 40:-40]
    left = (made.frame.data - model)[inner]
    error = np.sqrt(made.frame.variance)[inner]
    sky = model[inner] < 0.3 * error
    pulls = (left / error)[sky]
    pull = float(np.std(pulls[np.abs(pulls) < 4])) / made.frame.noise_ratio
    record_figure("coadd_noise_over_model", pull, "1")
    assert pull == pytest.approx(1.0, abs=0.02)
    # Resampling widens a star by a little that depends on its place within a pixel.
    bright = model[inner] > 30 * error
    relative = np.sqrt(np.mean(left[bright] ** 2) / np.mean(model[inner][bright] ** 2))
    record_figure("coadd_psf_residual", relative, "of the light")
    assert relative < 0.02
    fluxes = matched(left, made.psf) / (made.psf.centred(MIDDLE, MIDDLE) ** 2).sum()
    stars = (scene.flux > 3e4) & np.all(
        (np.array([scene.x, scene.y]) > 60) & (np.array([scene.x, scene.y]) < SIDE - 60), axis=0
    )
    x, y = (np.rint(values[stars]).astype(int) - 40 for values in (scene.x, scene.y))
    bias = np.median(fluxes[y, x] / scene.flux[stars])
    record_figure("coadd_flux_bias", bias, "1")
    assert abs(bias) < 0.003


@pytest.mark.slow
def test_rays_a_trail_and_an_asteroid_are_left_out(seed: int, record_figure: Record) -> None:
    scene = Scene(seed, 12, 60)
    random = np.random.default_rng(seed)
    rays = np.zeros(scene.extra.shape, bool)
    for image in range(12):
        for x, y in random.integers(20, SIDE - 20, (20, 2)):
            rays[image, y, x : x + 5] = True
    scene.extra[rays] = 600.0
    # A trail whose pixels have 2.5 sigma of the sky, as wide as a star.
    scene.extra[3] += trail(scene, 3, 2.5 * scene.sky[3] ** 0.5)
    # An asteroid of 20 sigma that moves by two arcsec from image to image.
    signal = 20.0
    places = [(60.0 + 30 * i, 200.0 + 8 * i) for i in range(12)]
    for image, (x, y) in enumerate(places):
        psf = scene.psfs[image]
        flux = signal * (scene.sky[image] / (psf.coefficients[0].astype(float) ** 2).sum()) ** 0.5
        light = np.zeros(SHAPE)
        add_stars(light, psf, np.array([x]), np.array([y]), np.array([flux]))
        scene.extra[image] += light
    kept = {}
    for name, clipping in {"clipped": CLIPPING, "all": NO_CLIPPING}.items():
        scene.random = np.random.default_rng(seed)
        with scene.warped() as members:
            kept[name] = coadd(members, method="weighted", clipping=clipping)
    extra = scene.extra.copy()
    scene.extra[:] = 0.0
    scene.random = np.random.default_rng(seed)
    with scene.warped() as members:
        clean = coadd(members, method="weighted", clipping=NO_CLIPPING)

    def left_of(name: str, where: np.ndarray) -> float:
        return float(np.sum((kept[name].frame.data - clean.frame.data)[where]))

    everything = {
        "rays": np.zeros(SHAPE, bool),
        "trail": np.zeros(SHAPE, bool),
        "asteroid": np.zeros(SHAPE, bool),
    }
    for image in range(12):
        dx, dy = np.rint(scene.shift[image]).astype(int)
        moved = np.roll(rays[image], (-dy, -dx), (0, 1))
        everything["rays"] |= moved
        x, y = places[image]
        everything["asteroid"][
            round(y) - dy - 8 : round(y) - dy + 9, round(x) - dx - 8 : round(x) - dx + 9
        ] = True
    dx, dy = np.rint(scene.shift[3]).astype(int)
    everything["trail"] = (
        np.roll(extra[3] > 0.5 * scene.sky[3] ** 0.5, (-dy, -dx), (0, 1)) & ~everything["asteroid"]
    )
    for kind, where in everything.items():
        part = left_of("clipped", where) / left_of("all", where)
        record_figure(f"coadd_left_of_{kind}", part, "of their light")
        # Where rays lie on stars of 0.8 to 1.6 arcsec, and in the faint outer parts of the others, some light stays.
        assert abs(part) < {"rays": 0.08, "trail": 0.25, "asteroid": 0.15}[kind], kind


def trail(scene: Scene, image: int, peak: float) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    distance = (columns - 0.7 * rows - 60.0) / np.hypot(1.0, 0.7)
    return peak * np.exp(-0.5 * (distance / (scene.fwhm[image] / 2.3548)) ** 2)


@pytest.mark.slow
def test_transient_of_one_half_is_found(seed: int, record_figure: Record) -> None:
    """Point sources in the later half only, on sky and on stars, of 8 to 30 sigma in that half."""
    scene = Scene(seed, 12, 60)
    x, y = (
        grid.ravel() for grid in np.meshgrid(np.arange(60.0, SIDE - 60, 70), np.arange(60.0, SIDE - 60, 70))
    )
    signal = np.linspace(8.0, 30.0, len(x))
    of_one = np.mean(
        [(p.coefficients[0].astype(float) ** 2).sum() / v for p, v in zip(scene.psfs, scene.sky, strict=True)]
    )
    flux = signal / (6 * of_one) ** 0.5
    for image in range(6, 12):
        dx, dy = scene.shift[image]
        light = np.zeros(SHAPE)
        add_stars(light, scene.psfs[image], x + dx, y + dy, flux)
        scene.extra[image] = light
    with scene.warped() as members:
        found = compare_halves(members, np.arange(12.0), clipping=CLIPPING, limit_sigma=6.0)
    scene.extra[:] = 0.0
    with scene.warped() as members:
        none = compare_halves(members, np.arange(12.0), clipping=CLIPPING, limit_sigma=6.0)
    assert found is not None
    assert none is not None
    assert none.changes == ()
    assert found.apart_days == 6.0
    place = np.array([[change.x, change.y] for change in found.changes])
    nearest = np.array([np.hypot(*(place - [u, v]).T).min() for u, v in zip(x, y, strict=True)])
    on_sky = np.array([np.hypot(scene.x - u, scene.y - v).min() > 25 for u, v in zip(x, y, strict=True)])
    bright = signal > 12
    part = np.mean(nearest[on_sky & bright] < 2)
    record_figure("coadd_contamination_found", part, "of those above 12 sigma on sky")
    assert part > 0.9
    assert np.all([np.hypot(x - u, y - v).min() < 3 for u, v in place])
    at = [int(np.argmin(np.hypot(*(place - [u, v]).T))) for u, v in zip(x, y, strict=True)]
    gained = np.array([found.changes[i].later - found.changes[i].earlier for i in at])
    seen = on_sky & (signal > 15)
    assert np.median(gained[seen] / flux[seen]) == pytest.approx(1.0, abs=0.1)
    assert found.changed[
        np.rint(y[on_sky & (signal > 15)]).astype(int), np.rint(x[on_sky & (signal > 15)]).astype(int)
    ].all()


def test_three_images_have_no_halves() -> None:
    with Scene(1, 3, 0).warped() as members:
        assert compare_halves(members, [1.0, 2.0, 3.0], clipping=CLIPPING, limit_sigma=6.0) is None

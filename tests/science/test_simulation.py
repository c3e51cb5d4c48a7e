"""What the simulation draws is what its truth says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seechange_core.frames import ColumnTable, SkyMapping
from seechange_core.simulation.exposure import Conditions, render_frame, static_light
from seechange_core.simulation.pair import simulated_pair
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_galaxies, add_points
from seechange_core.simulation.significance import information
from seechange_core.simulation.sky import light_curve, random_sky

SHAPE = (512, 512)
FIELD = MoffatField(SHAPE, 4.6, (0.03, -0.02), 3.5, (0.02, 0.01, 0.015, -0.01), 0.01)


def test_psf_holds_one_within_five_fwhm() -> None:
    round_psf = MoffatField(SHAPE, 4.0)
    stamp = round_psf.centred(np.array([255.5]), np.array([255.5]), 61)[0]
    y, x = np.indices(stamp.shape) - 30
    # Pixels on the circle belong to it in part: a thousandth of a 25th of the light per cent.
    assert stamp[np.hypot(x, y) <= 20.0].sum() == pytest.approx(1.0, abs=1e-4)


def test_pixel_integration_agrees_with_fine_sampling() -> None:
    x, y = np.array([100.3]), np.array([200.8])
    coarse = FIELD.stamps(x, y, 31)[0]
    sampling = 9
    fine = replace(FIELD, shape=(SHAPE[0] * sampling, SHAPE[1] * sampling), fwhm=FIELD.fwhm * sampling)
    # The sample (sampling - 1) / 2 is the middle of the first pixel.
    x_fine, y_fine = (x + 0.5) * sampling - 0.5, (y + 0.5) * sampling - 0.5
    size = 31 * sampling
    stamp = fine.centred(x_fine, y_fine, size + 2 * sampling)[0]
    shift_x, shift_y = (round((v - np.floor(v + 0.5)) * sampling) for v in (x[0], y[0]))
    assert shift_x == pytest.approx((x[0] - 100) * sampling, abs=0.5)
    start_y, start_x = sampling - shift_y, sampling - shift_x
    window = stamp[start_y : start_y + size, start_x : start_x + size]
    summed = window.reshape(31, sampling, 31, sampling).sum(axis=(1, 3))
    # The phase is rounded to a ninth of a pixel, which moves the light by up to a 20th of a pixel.
    assert np.abs(summed - coarse).max() < 0.03 * coarse.max()
    assert summed.sum() == pytest.approx(coarse.sum(), abs=2e-4)


@pytest.mark.parametrize("flux", [300.0, 3e4, 3e6])
def test_total_flux_and_position_of_a_star(flux: float) -> None:
    canvas = np.zeros(SHAPE)
    x, y = np.array([250.37]), np.array([260.81])
    add_points(canvas, FIELD, x, y, np.array([flux]))
    rows, columns = np.indices(SHAPE)
    assert canvas.sum() == pytest.approx(flux, rel=1e-3)
    assert (canvas * columns).sum() / canvas.sum() == pytest.approx(x[0], abs=2e-3)
    assert (canvas * rows).sum() / canvas.sum() == pytest.approx(y[0], abs=2e-3)


@pytest.mark.parametrize("index", [0.5, 0.0, -0.5])
def test_total_flux_of_a_galaxy(index: float) -> None:
    columns = {
        "x": [255.2],
        "y": [250.6],
        "radius": [4.0],
        "axis_ratio": [0.5],
        "angle": [0.7],
        "index": [index],
    }
    canvas = np.zeros(SHAPE)
    add_galaxies(canvas, FIELD, ColumnTable(columns), np.array([1e5]))
    assert canvas.sum() == pytest.approx(1e5, rel=5e-3)
    rows, cols = np.indices(SHAPE)
    dx, dy = cols - 255.2, rows - 250.6
    inner = canvas * (np.hypot(dx, dy) < 25)
    angle = 0.5 * np.arctan2(2 * (inner * dx * dy).sum(), (inner * (dx**2 - dy**2)).sum())
    assert angle == pytest.approx(0.7, abs=0.05)


def test_psf_model_agrees_with_the_true_psf() -> None:
    model = FIELD.model()
    x, y = np.random.default_rng(5).uniform(10, 500, (2, 50))
    truth = FIELD.stamps(x, y, model.size)
    # Interpolating samples one pixel apart by Lanczos' kernel leaves 2 parts in a thousand of the peak.
    assert np.abs(model.stamps(x, y) - truth).max() < 3e-3 * truth.max()


def test_information_of_a_perfect_reference_is_that_of_the_new_image_alone() -> None:
    new_psf, ref_psf = (FIELD.centred(np.array([9.0]), np.array([9.0]), 65) for _ in range(2))
    got = information(new_psf, ref_psf, np.array([649.0]), np.array([1e-9]), 1.0)
    assert got == pytest.approx((new_psf**2).sum() / 649.0, rel=1e-6)
    same = information(new_psf, ref_psf, np.array([649.0]), np.array([649.0]), 1.0)
    assert same == pytest.approx((new_psf**2).sum() / 649.0 / 2, rel=1e-6)


def test_empty_sky_of_a_pair_scatters_as_its_variance_says() -> None:
    scene = simulated_pair(3, SHAPE, n_stars=150, n_galaxies=60, n_transients=10, ref_zero_point=30.0)
    empty = scene.new.variance < 600.0 + 49.0 + 1.0
    pull = scene.new.data[empty] / np.sqrt(scene.new.variance[empty])
    # A hundred thousand pixels give the scatter to 0.2 per cent.
    assert pull.std() == pytest.approx(1.0, abs=0.01)
    assert pull.mean() == pytest.approx(0.0, abs=0.02)


def test_pair_is_the_same_for_the_same_seed() -> None:
    first, second = (
        simulated_pair(4, (256, 256), n_stars=30, n_galaxies=20, n_transients=4) for _ in range(2)
    )
    assert np.array_equal(first.new.data, second.new.data)
    assert np.array_equal(first.transients["flux"], second.transients["flux"])


def test_transients_have_the_expected_signal_to_noise_ratio() -> None:
    """With a noiseless reference the best estimate is a PSF fit to the new image minus the known light."""
    pulls = []
    for seed in range(6):
        scene = simulated_pair(
            seed,
            SHAPE,
            n_stars=60,
            n_galaxies=60,
            n_transients=20,
            n_ref_exposures=10_000,
            ref_seeing_arcsec=1.2,
        )
        x, y = scene.transients["x"], scene.transients["y"]
        light = np.zeros(SHAPE)
        add_points(light, scene.new_field, scene.stars["x"], scene.stars["y"], scene.stars["flux"])
        add_galaxies(light, scene.new_field, scene.galaxies, scene.galaxies["flux"])
        size = 41
        psf = scene.new_field.stamps(x, y, size)
        for i in range(len(x)):
            x0, y0 = int(np.floor(x[i] + 0.5)) - size // 2, int(np.floor(y[i] + 0.5)) - size // 2
            box = (slice(y0, y0 + size), slice(x0, x0 + size))
            weight = psf[i] / scene.new.variance[box]
            flux = (weight * (scene.new.data - light)[box]).sum() / (weight * psf[i]).sum()
            error = scene.transients["flux"][i] / scene.transients["expected_snr"][i]
            pulls.append((flux - scene.transients["flux"][i]) / error)
    # 120 pulls: their scatter is known to 6.5 per cent, their mean to 0.09.
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.28)


def test_rendered_frame_agrees_with_its_truth() -> None:
    """Fluxes and positions of isolated stars on a frame that a sky was projected on."""
    scale = 0.26 / 3600
    mapping = SkyMapping((150.0, 2.0), (255.5, 255.5), np.array([[-scale, 1e-7], [2e-7, scale]]))
    conditions = Conditions(61000.0, 60.0, "r", 1.1, 400.0, 29.5, (0.02, 0.01))
    field = conditions.psf_field(SHAPE, 0.26, (0.0, 0.0, 0.0, 0.0))
    rng = np.random.default_rng(2)
    sky = random_sky(
        rng,
        (150.0, 2.0),
        (130.0, 130.0),
        stars_per_arcmin2=3.0,
        galaxies_per_arcmin2=0.0,
        n_variables=0,
        epoch_mjd=57388.5,
    )
    sky = replace(sky, stars=sky.stars.with_columns(mag_r=np.full(sky.stars.n_rows, 17.0)))
    frame, truth = render_frame(rng, sky, mapping, field, conditions, 5.0)
    x, y = mapping.sky_to_pixel(*sky.star_positions(conditions.mjd))
    near = (np.abs(x - 255.5) < 400) & (np.abs(y - 255.5) < 400)
    assert np.allclose(truth["x"], x[near])
    assert frame.info["ra_deg"] == pytest.approx(150.0, abs=1e-6)
    pulls = []
    rows, columns = np.indices(SHAPE)
    for i in range(truth.n_rows):
        x0, y0 = truth["x"][i], truth["y"][i]
        if (
            not (30 < x0 < 480 and 30 < y0 < 480)
            or np.sort(np.hypot(truth["x"] - x0, truth["y"] - y0))[1] < 40
        ):
            continue
        aperture = np.hypot(columns - x0, rows - y0) < 21.0
        flux = (frame.data[aperture] - conditions.sky_electron).sum()
        pulls.append((flux - truth["flux"][i]) / np.sqrt(frame.variance[aperture].sum()))
    assert len(pulls) >= 3
    # The aperture of 5 FWHM holds all that the flux counts.
    assert np.abs(pulls).max() < 4.0


def test_galaxies_keep_their_position_angle_on_a_turned_detector() -> None:
    """An edge-on galaxy along the meridian lies along x where x runs north."""
    scale = 0.26 / 3600
    turned = SkyMapping((10.0, 0.0), (255.5, 255.5), np.array([[0.0, scale], [scale, 0.0]]))
    sky = random_sky(
        np.random.default_rng(1),
        (10.0, 0.0),
        (10.0, 10.0),
        stars_per_arcmin2=0.0,
        galaxies_per_arcmin2=200.0,
        n_variables=0,
        epoch_mjd=57388.5,
    )
    one = sky.galaxies.rows(slice(0, 1))
    along_meridian = one.with_columns(
        ra=[10.0],
        dec=[0.0],
        mag_r=[18.0],
        radius_arcsec=[2.0],
        axis_ratio=[0.3],
        angle=[np.pi / 2],
        index=[0.5],
    )
    conditions = Conditions(61000.0, 60.0, "r", 1.1, 400.0, 29.5)
    field = conditions.psf_field(SHAPE, 0.26, (0.0, 0.0, 0.0, 0.0))
    light, _ = static_light(replace(sky, galaxies=along_meridian), turned, field, conditions)
    rows, columns = np.indices(SHAPE) - 255.5
    assert (light * columns**2).sum() > 3 * (light * rows**2).sum()


def test_variable_stars_and_transients_follow_their_light_curves() -> None:
    sky = random_sky(
        np.random.default_rng(1),
        (10.0, 0.0),
        (600.0, 600.0),
        stars_per_arcmin2=20.0,
        galaxies_per_arcmin2=0.0,
        n_variables=5,
        epoch_mjd=57388.5,
    )
    times = np.linspace(61000.0, 61040.0, 400)
    magnitudes = np.stack([sky.star_magnitudes("r", mjd) for mjd in times])
    varies = np.ptp(magnitudes, axis=0) > 0
    assert varies.sum() == 5
    assert np.allclose(np.ptp(magnitudes, axis=0), 2 * sky.stars["amplitude"], atol=0.01)
    flux = light_curve(np.array([-3.0, 0.0, 10.0]), np.full(3, 3.0), np.full(3, 10.0))
    assert flux == pytest.approx([np.exp(-1), 1.0, np.exp(-1)])

"""The sky beside bright stars and large galaxies, and in crowded fields, against the true one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seechange_core.builtin.background_sep import SepBackground
from seechange_core.frames import Floats, Frame, MaskPlane
from seechange_core.imaging.background.smooth_background import background_image
from seechange_core.simulation.population import star_magnitudes
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_points

SIDE = 1024
READ_NOISE = 5.0
FWHM = 4.0
ZERO_POINT = 30.0
SATURATION = 60000.0
# A star of S/N 5 where the sky has 400 electrons.
FAINTEST_SEEN = 650.0

Record = Callable[[str, float, str], None]


def true_sky(level: float) -> Floats:
    row, column = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    return np.asarray(level * (1 + 0.05 * column + 0.03 * row**2))


def stars(rng: np.random.Generator, number: int) -> tuple[Floats, float]:
    """Light of stars, and the mean light per pixel of those too faint to be seen."""
    x, y = rng.uniform(-20, SIDE + 20, (2, number))
    flux = 10 ** (0.4 * (ZERO_POINT - star_magnitudes(rng, number, (15.0, 24.0))))
    light = np.zeros((SIDE, SIDE))
    add_points(light, MoffatField(light.shape, FWHM), x, y, flux)
    return light, float(flux[flux < FAINTEST_SEEN].sum() / (SIDE + 40) ** 2)


def bright_stars(rng: np.random.Generator) -> Floats:
    """Three of 2 to 20 million electrons, a fiftieth of it in a halo that falls with the third power of distance."""
    x, y = rng.uniform(100, SIDE - 100, (2, 3))
    flux = 10 ** rng.uniform(6.3, 7.3, 3)
    light = np.zeros((SIDE, SIDE))
    add_points(light, MoffatField(light.shape, FWHM), x, y, 0.98 * flux)
    row, column = np.mgrid[:SIDE, :SIDE]
    for at_x, at_y, total in zip(x, y, flux, strict=True):
        distance2 = (column - at_x) ** 2 + (row - at_y) ** 2
        light += 0.02 * total * 3.0 / (2 * np.pi) * (distance2 + 9.0) ** -1.5
    return light


def large_galaxies(rng: np.random.Generator) -> Floats:
    """Two of half-light radius 20 to 40 pixels, Sersic index 1 or 2.5, inclined."""
    row, column = np.mgrid[:SIDE, :SIDE]
    light = np.zeros((SIDE, SIDE))
    for index in (1.0, 2.5):
        x, y = rng.uniform(200, SIDE - 200, 2)
        radius, axis_ratio, angle = rng.uniform(20, 40), rng.uniform(0.3, 1.0), rng.uniform(0, np.pi)
        u, v = column - x, row - y
        along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
        distance = np.sqrt(along**2 * axis_ratio + across**2 / axis_ratio) / radius
        profile = np.exp(-(2 * index - 1 / 3) * distance ** (1 / index))
        light += 10 ** (0.4 * (ZERO_POINT - rng.uniform(14.0, 15.5))) * profile / profile.sum()
    return light


def error_of_sky(rng: np.random.Generator, light: Floats, sky: Floats) -> Floats:
    """Measured less true sky in units of the noise of a pixel."""
    data = np.minimum(rng.poisson(light + sky) + rng.normal(0, READ_NOISE, light.shape), SATURATION)
    mask = np.where(data >= SATURATION, MaskPlane.SATURATED, 0).astype(np.uint16)
    variance = (light + sky + READ_NOISE**2).astype(np.float32)
    model = SepBackground().measure(Frame(data.astype(np.float32), variance, mask))
    return np.asarray((background_image(model) - sky) / np.sqrt(sky + READ_NOISE**2))


@pytest.mark.parametrize("kind", ["bright_stars", "large_galaxies", "crowded"])
def test_sky_away_from_sources(kind: str, seed: int, record_figure: Record) -> None:
    """Mean error where all sources together give less than 1 % of the sky's noise (crowded: 5 %).

    The crowded field has 30,000 stars per 2048 x 4096 pixels; what those below S/N 5 give on average is part of the
    sky that any measurement of a star must subtract.
    """
    rng = np.random.default_rng(seed)
    sky, errors = true_sky(400.0), []
    noise = np.sqrt(400.0 + READ_NOISE**2)
    for _ in range(2):
        light, unseen = stars(rng, 3750 if kind == "crowded" else 400)
        if kind == "bright_stars":
            light += bright_stars(rng)
        elif kind == "large_galaxies":
            light += large_galaxies(rng)
        away = light < (0.05 if kind == "crowded" else 0.01) * noise
        assert away.mean() > 0.3
        errors.append(float((error_of_sky(rng, light, sky) - unseen / noise)[away].mean()))
    record_figure(f"background_bias_{kind}", 100 * float(np.mean(errors)), "% of sky noise")
    # Statistical: 0.1 % for the mean of two fields.
    assert abs(np.mean(errors)) < 0.01


@pytest.mark.parametrize("level", [2.0, 10.0, 50.0, 10000.0])
def test_empty_sky(level: float, seed: int, record_figure: Record) -> None:
    """Neither clipping nor masking peaks and dips of the noise moves the level, not even with few electrons."""
    rng = np.random.default_rng(seed)
    error = error_of_sky(rng, np.zeros((SIDE, SIDE)), true_sky(level)).mean()
    record_figure(f"background_bias_empty_{level:g}", 100 * float(error), "% of sky noise")
    # 0.1 % statistical; the skewness of 10 to 50 electrons leaves half a per cent.
    assert abs(error) < 0.01

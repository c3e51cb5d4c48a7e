"""Masked cosmic rays against the charge that they left, and stars that must be left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from seechange_core.builtin.detrending import CosmicRays, Saturation
from seechange_core.frames import Amplifier, Box, Floats, MaskPlane, SectionData
from seechange_core.simulation.bright_stars import bled
from seechange_core.simulation.particle_tracks import particle_tracks
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_points

SHAPE = (2048, 2048)
SKY, READ_NOISE, FULL_WELL = 300.0, 7.0, 150_000.0
N_RAYS = 400
Record = Callable[[str, float, str], None]


@dataclass
class Scene:
    """What was simulated and what was masked.

    Attributes
    ----------
    affected : bool array
        The ray exceeds three times the noise that the pixel has without it.
    """

    x: Floats
    y: Floats
    fwhm: float
    rays: Floats
    affected: NDArray[np.bool_]
    full: NDArray[np.bool_]
    found: NDArray[np.bool_]

    @property
    def completeness(self) -> float:
        return float(self.found[self.affected & ~self.full].mean())

    def touched_cores(self) -> tuple[int, int]:
        """Star cores (within half an FWHM of the centre) with a masked pixel, and all; none that a ray hit."""
        dy, dx = np.mgrid[-5:6, -5:6]
        touched = number = 0
        for x, y in zip(self.x, self.y, strict=True):
            j, i = int(y + 0.5), int(x + 0.5)
            if min(j, i) < 5 or j >= SHAPE[0] - 5 or i >= SHAPE[1] - 5:
                continue
            box = slice(j - 5, j + 6), slice(i - 5, i + 6)
            core = np.hypot(j + dy - y, i + dx - x) <= 0.5 * self.fwhm
            if (self.rays[box][core] > 0).any() or self.full[box].any():
                continue
            number += 1
            touched += bool(self.found[box][core].any())
        return touched, number


def masked(data: NDArray[np.float32], **params: float) -> NDArray[np.bool_]:
    box = Box(0, data.shape[0], 0, data.shape[1])
    # Read noise lifts few full pixels below the level of saturation.
    amplifier = Amplifier("all", box, box, None, 1.0, READ_NOISE, FULL_WELL - 5.0 * READ_NOISE)
    section = Saturation().apply(SectionData(data, "electron", (amplifier,)), {})
    result = CosmicRays(CosmicRays.Params(**params)).apply(section, {}).mask
    assert result is not None
    return (result & MaskPlane.COSMIC_RAY) != 0


def simulate(seed: int, fwhm: float, n_stars: int, **params: float) -> Scene:
    rng = np.random.default_rng([seed, round(100 * fwhm), n_stars])
    field = MoffatField(SHAPE, fwhm, (0.02, 0.01), 3.0, (0.01, 0.01, 0.01, -0.01), 0.01)
    x, y = rng.uniform(0, SHAPE[1] - 1, n_stars), rng.uniform(0, SHAPE[0] - 1, n_stars)
    # From a few sigma to thirty times the full well.
    flux = np.minimum(300.0 * (1.0 - rng.random(n_stars)) ** (-1 / 0.55), 3e7)
    light = np.zeros(SHAPE)
    add_points(light, field, x, y, flux)
    rays = particle_tracks(rng, SHAPE, N_RAYS)
    charge, full = bled(rng.poisson(light + SKY) + rays, FULL_WELL)
    data = (charge + rng.normal(0.0, READ_NOISE, SHAPE)).astype(np.float32)
    affected = rays > 3.0 * np.sqrt(light + SKY + READ_NOISE**2)
    return Scene(x, y, fwhm, rays, affected, full, masked(data, **params))


@pytest.mark.slow
@pytest.mark.parametrize("fwhm", [2.5, 3.0, 4.0, 6.0])
def test_rays_are_masked_and_star_cores_are_not(seed: int, record_figure: Record, fwhm: float) -> None:
    scene = simulate(seed, fwhm, 4100)
    touched, number = scene.touched_cores()
    # A ray's charge diffuses into some 2.5 pixels across; masking one more around it costs as much again.
    beside = binary_dilation(scene.rays > 0, np.ones((3, 3)))
    record_figure(f"cosmic_ray_completeness_fwhm{fwhm:g}", 100 * scene.completeness, "% of the pixels")
    record_figure(f"cosmic_ray_touched_cores_fwhm{fwhm:g}", touched, f"of {number}")
    record_figure(
        f"cosmic_ray_false_pixels_fwhm{fwhm:g}",
        (scene.found & ~beside).sum() / (scene.found.size / 1e6),
        "ppm",
    )
    assert scene.completeness > 0.98
    assert touched <= 5 * number / 4000
    assert (scene.found & ~beside).sum() <= 5
    assert (scene.found & ~scene.affected).sum() < 0.5 * scene.affected.sum()


@pytest.mark.slow
def test_crowded_field(seed: int, record_figure: Record) -> None:
    """One star in 210 pixels: 40,000 on a CCD."""
    scene = simulate(seed, 4.0, 20_000)
    touched, number = scene.touched_cores()
    record_figure("cosmic_ray_completeness_crowded", 100 * scene.completeness, "% of the pixels")
    record_figure("cosmic_ray_touched_cores_crowded", touched, f"of {number}")
    assert scene.completeness > 0.95
    assert touched <= 5 * number / 4000


@pytest.mark.slow
def test_undersampled_stars_need_the_parameter(seed: int, record_figure: Record) -> None:
    scene = simulate(seed, 1.7, 4100, sharpest_fwhm_pixel=1.7)
    touched, number = scene.touched_cores()
    record_figure("cosmic_ray_completeness_undersampled", 100 * scene.completeness, "% of the pixels")
    assert touched <= 5 * number / 4000
    # Charge that diffused is hardly sharper than such stars.
    assert scene.completeness > 0.9


@pytest.mark.parametrize("sky", [10.0, 300.0, 20_000.0])
def test_empty_sky(seed: int, record_figure: Record, sky: float) -> None:
    rng = np.random.default_rng([seed, int(sky)])
    data = (rng.poisson(sky, SHAPE) + rng.normal(0.0, READ_NOISE, SHAPE)).astype(np.float32)
    false = masked(data).sum()
    record_figure(f"cosmic_ray_false_pixels_sky{sky:g}", false / (data.size / 1e6), "ppm")
    # Four comparisons at 5 sigma: 2 by chance in four million pixels if they were independent.
    assert false <= 3

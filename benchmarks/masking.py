"""Time the masking of cosmic rays and trails on one 2048 x 4096 CCD: ``python benchmarks/masking.py``."""

from __future__ import annotations

import math

import numpy as np
from timing import best

from seechange_core.frames import MaskPlane
from seechange_core.imaging.detrending.cosmic_rays import find_cosmic_rays
from seechange_core.imaging.detrending.trails import find_trails
from seechange_core.simulation.bright_stars import add_spikes, bled
from seechange_core.simulation.particle_tracks import particle_tracks
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_points
from seechange_core.simulation.trails import Trail, add_trail

_SHAPE, _FWHM, _SKY, _READ_NOISE, _FULL_WELL = (4096, 2048), 4.0, 300.0, 7.0, 1.5e5
_REPEATS = 5


def main() -> None:
    """Print CPU seconds, the best of several after a run that compiles."""
    rng = np.random.default_rng(1)
    light = np.full(_SHAPE, _SKY)
    x, y = rng.uniform(0, _SHAPE[1], 4000), rng.uniform(0, _SHAPE[0], 4000)
    flux = np.minimum(300.0 * (1.0 - rng.random(4000)) ** (-1 / 0.55), 1e6)
    add_points(light, MoffatField(_SHAPE, _FWHM, beta=3.0), x, y, flux)
    crossed, spiked = light.copy(), light.copy()
    add_trail(crossed, Trail((-100.0, 500.0), (2200.0, 3600.0), 5.0 * math.sqrt(_SKY), _FWHM))
    for star in (0, 1, 2):
        add_spikes(spiked, x[star], y[star], 1e7, _FWHM)
    rays = particle_tracks(rng, _SHAPE, 400)
    for name, scene in (("plain", light), ("one trail", crossed), ("three stars with spikes", spiked)):
        charge, full = bled(rng.poisson(scene) + rays, _FULL_WELL)
        data = (charge + rng.normal(0.0, _READ_NOISE, _SHAPE)).astype(np.float32)
        mask = np.where(full, MaskPlane.SATURATED, 0).astype(np.uint16)
        hit = best(
            lambda d=data, m=mask: find_cosmic_rays(
                d, m, threshold=5.0, sharpest_fwhm=2.5, skirt_threshold=1.0
            ),
            _REPEATS,
        )
        trails = best(
            lambda d=data, m=mask: find_trails(d, m, threshold=6.0, shortest=240.0, margin=2.0, most=12),
            _REPEATS,
        )
        print(f"{name:24s} cosmic rays {hit:.3f} CPU s, trails {trails:.3f} CPU s")


if __name__ == "__main__":
    main()

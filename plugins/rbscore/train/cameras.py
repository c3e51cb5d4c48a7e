"""Cameras and nights to train for: pixel scale, seeing, noise, optics and defects, each drawn at random."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: The network is fitted to scenes of these cameras.
TRAINING_CAMERAS = range(166)
#: Calibration and threshold are fitted to, and the training is stopped by, these.
VALIDATION_CAMERAS = range(1000, 1012)
#: The figures that are quoted are of these. Neither the network nor its calibration knows them.
TEST_CAMERAS = range(2000, 2040)


@dataclass(frozen=True)
class Camera:
    """What stays the same from one exposure of a camera to the next.

    Parameters
    ----------
    pixel_scale_arcsec : float
        Side of a pixel.
    seeing_arcsec : float
        Typical FWHM; at least 1.7 pixels.
    beta : float
        Exponent of the Moffat profile.
    read_noise_electron, sky_electron : float
        Typical, per pixel.
    zero_point : float
        AB magnitude of 1 electron.
    saturation_electron : float
        Full well.
    bleeds : bool
        Whether charge beyond the full well runs along the columns.
    spike_fraction : float
        Part of a bright star's light that is in diffraction spikes.
    spike_angle : float
        Of the first spike (radian).
    masked_growth : int
        By how many pixels the masks of saturated stars are wider than these; -1 if a rim is left unmasked.
    bad_fraction : float
        Part of the pixels that are hot or dead.
    bad_columns : int
        Number of bad columns per 1024.
    known_fraction : float
        Part of the defects that is masked.
    rays : float
        Cosmic rays in 1024 x 1024 pixels.
    ray_masked_fraction : float
        Part of the cosmic rays whose brightest pixels are masked.
    ghost_fraction : float
        Light of a star in its ghost, an image of the pupil.
    registration_rms : float
        Misregistration along one axis (pixel).
    psf_error : float
        By which the width of the PSF models is off (relative).
    """

    pixel_scale_arcsec: float
    seeing_arcsec: float
    beta: float
    read_noise_electron: float
    sky_electron: float
    zero_point: float
    saturation_electron: float
    bleeds: bool
    spike_fraction: float
    spike_angle: float
    masked_growth: int
    bad_fraction: float
    bad_columns: int
    known_fraction: float
    rays: float
    ray_masked_fraction: float
    ghost_fraction: float
    registration_rms: float
    psf_error: float


def camera(number: int) -> Camera:
    """Draw a camera; the same number gives the same one."""
    rng = np.random.default_rng((number, 11))

    def logarithmic(low: float, high: float) -> float:
        return math.exp(rng.uniform(math.log(low), math.log(high)))

    pixel_scale_arcsec = logarithmic(0.18, 1.2)
    fwhm = max(logarithmic(0.8, 2.2) / pixel_scale_arcsec, rng.uniform(1.7, 2.6))
    return Camera(
        pixel_scale_arcsec=pixel_scale_arcsec,
        seeing_arcsec=min(fwhm, rng.uniform(5.0, 8.0)) * pixel_scale_arcsec,
        beta=rng.uniform(2.5, 4.5),
        read_noise_electron=logarithmic(2.5, 15.0),
        sky_electron=logarithmic(60.0, 6000.0),
        zero_point=rng.uniform(28.5, 31.0),
        saturation_electron=logarithmic(3e4, 2e5),
        bleeds=rng.random() < 0.6,
        spike_fraction=rng.choice([0.0, 0.005, 0.02]),
        spike_angle=rng.uniform(0.0, math.pi / 2),
        masked_growth=int(rng.integers(-1, 4)),
        bad_fraction=rng.choice([0.0, logarithmic(2e-5, 1e-3)]),
        bad_columns=int(rng.integers(0, 4)),
        known_fraction=rng.uniform(0.3, 1.0),
        rays=logarithmic(15.0, 250.0),
        ray_masked_fraction=rng.uniform(0.0, 0.8),
        ghost_fraction=rng.choice([0.0, 0.002, 0.01]),
        registration_rms=logarithmic(0.02, 0.2),
        psf_error=logarithmic(0.003, 0.04),
    )

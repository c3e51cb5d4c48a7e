"""What a camera and its sky do to an image that is no change of the sky."""

from __future__ import annotations

import math

import numpy as np
from cameras import Camera
from scipy import ndimage

from seechange_core.frames import ColumnTable, Frame, MaskPlane
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.simulation.bright_stars import add_spikes, bled
from seechange_core.simulation.particle_tracks import particle_tracks
from seechange_core.simulation.trails import Trail, add_trail

_BRIGHT_STARS = 6
_ROTATED_NIGHT = 0.2


def with_bright_stars(
    rng: np.random.Generator, frame: Frame, camera: Camera, stars: ColumnTable, fwhm: float
) -> Frame:
    """Add spikes and ghosts of the brightest stars, and saturate them; the camera says what of it is masked."""
    light = np.zeros(frame.shape)
    brightest = stars.rows(np.argsort(stars["flux"])[-_BRIGHT_STARS:])
    turned = camera.spike_angle + (rng.uniform(0.0, math.pi) if rng.random() < _ROTATED_NIGHT else 0.0)
    for x, y, flux in zip(brightest["x"], brightest["y"], brightest["flux"], strict=True):
        if camera.spike_fraction:
            add_spikes(light, x, y, flux, fwhm, angle=turned, fraction=camera.spike_fraction)
        if camera.ghost_fraction:
            centre = (x + rng.normal(0.0, 60.0), y + rng.normal(0.0, 60.0))
            _add_ghost(light, centre, flux * camera.ghost_fraction, rng.uniform(4.0, 40.0))
    data, variance = frame.data + rng.poisson(light), frame.variance + light
    mask = frame.mask.copy()
    if camera.bleeds:
        data, full = bled(data, camera.saturation_electron)
    else:
        full = data >= camera.saturation_electron
        data = np.minimum(data, camera.saturation_electron)
    growth = camera.masked_growth
    if growth:
        full = (ndimage.binary_dilation if growth > 0 else ndimage.binary_erosion)(
            full, iterations=abs(growth)
        )
    mask[full] |= MASK_DTYPE(MaskPlane.SATURATED)
    return frame.replaced(data=data, variance=variance, mask=mask)


def _add_ghost(light: np.ndarray, centre: tuple[float, float], flux: float, radius: float) -> None:
    """Add an image of the pupil: an even disc with a hole."""
    rows, columns = np.ogrid[: light.shape[0], : light.shape[1]]
    distance = np.hypot(columns - centre[0], rows - centre[1])
    profile = np.clip(radius - distance + 0.5, 0.0, 1.0) * np.clip(distance - 0.3 * radius + 0.5, 0.0, 1.0)
    if profile.any():
        light += flux * profile / profile.sum()


def with_trail(rng: np.random.Generator, frame: Frame, fwhm: float) -> Frame:
    """Let a satellite or an aircraft cross; half of what is seen of it is masked as a finder would."""
    ny, nx = frame.shape
    sigma = math.sqrt(float(np.median(frame.variance)))
    middle, angle = rng.uniform((0.0, 0.0), (nx, ny)), rng.uniform(0.0, math.pi)
    reach = rng.choice([rng.uniform(20.0, 150.0), 2.0 * max(ny, nx)])
    step = reach * np.array([math.cos(angle), math.sin(angle)])
    trail = Trail(
        tuple(middle - step),
        tuple(middle + step),
        float(np.exp(rng.uniform(0.0, 4.0))) * sigma,
        fwhm,
        width=rng.choice([0.0, rng.uniform(0.0, 8.0)]),
        period=rng.choice([0.0, rng.uniform(10.0, 80.0)]),
        lit_fraction=rng.choice([0.0, 0.2, 0.5]),
    )
    light = np.zeros(frame.shape)
    add_trail(light, trail)
    mask = frame.mask.copy()
    if rng.random() < 0.5:
        mask[light > rng.uniform(0.5, 3.0) * sigma] |= MASK_DTYPE(MaskPlane.TRAIL)
    return frame.replaced(data=frame.data + rng.poisson(light), variance=frame.variance + light, mask=mask)


def with_detector_defects(
    rng: np.random.Generator, frame: Frame, camera: Camera, rays_factor: float = 1.0
) -> Frame:
    """Add hot and dead pixels, bad columns and cosmic rays, a part of each masked.

    Parameters
    ----------
    rng : numpy.random.Generator
    frame : Frame
        Calibrated, sky subtracted.
    camera : Camera
        Says how many, and how many of them are known.
    rays_factor : float
        Less than 1 for a coadd that has clipped most cosmic rays.
    """
    ny, nx = frame.shape
    data, mask = frame.data.astype(np.float64), frame.mask.copy()
    sigma = math.sqrt(float(np.median(frame.variance)))
    defects = rng.random((ny, nx)) < camera.bad_fraction
    known = defects & (rng.random((ny, nx)) < camera.known_fraction)
    number = int(defects.sum())
    data[defects] += rng.lognormal(3.0, 1.0, number) * rng.choice([-0.3, 1.0], number) * sigma
    for _ in range(rng.poisson(camera.bad_columns * nx / 1024)):
        column, first = int(rng.integers(nx)), int(rng.integers(ny))
        data[first:, column] += rng.choice([-1.0, 1.0]) * rng.lognormal(1.5, 1.0) * sigma
        known[first:, column] |= rng.random() < camera.known_fraction
    mask[known] |= MASK_DTYPE(MaskPlane.BAD)
    charge = particle_tracks(rng, (ny, nx), camera.rays * rays_factor * nx * ny / 1024**2)
    data += charge
    labels, number = ndimage.label(charge > 2.0 * sigma, np.ones((3, 3)))
    found = np.append(False, rng.random(number) < camera.ray_masked_fraction)[labels]
    # A finder leaves the faint rim of a track.
    mask[found & (charge > rng.uniform(3.0, 12.0) * sigma)] |= MASK_DTYPE(MaskPlane.COSMIC_RAY)
    return frame.replaced(data=data, mask=mask)

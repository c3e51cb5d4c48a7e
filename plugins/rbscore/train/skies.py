"""The sky of a simulated pair: what changes on it, and what only seems to."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from cameras import Camera
from numpy.typing import NDArray

from seechange_core.frames import Floats, Frame, PsfModel
from seechange_core.simulation.pair import SimulatedPair, simulated_pair


def simulated_sky(
    rng: np.random.Generator, used: Camera, seed: int, shape: tuple[int, int]
) -> tuple[SimulatedPair, float]:
    """Draw conditions of two nights and the sky; return the pair and the seeing of the new image (FWHM, pixel)."""
    area = shape[0] * shape[1] / 1024**2
    seeing = used.seeing_arcsec * np.exp(rng.normal(0.0, 0.15, 2))
    seeing = np.maximum(seeing, 1.6 * used.pixel_scale_arcsec)
    scene = simulated_pair(
        seed,
        shape,
        n_stars=int(math.exp(rng.uniform(math.log(200), math.log(8000))) * area),
        n_galaxies=int(rng.uniform(150, 900) * area),
        n_transients=int(160 * area),
        snr_range=(4.5, 150.0),
        new_seeing_arcsec=seeing[0],
        ref_seeing_arcsec=seeing[1],
        new_shear=tuple(rng.normal(0.0, 0.03, 2)),
        ref_shear=tuple(rng.normal(0.0, 0.03, 2)),
        pixel_scale_arcsec=used.pixel_scale_arcsec,
        sky_electron=used.sky_electron * math.exp(rng.normal(0.0, 0.4)),
        read_noise_electron=used.read_noise_electron,
        n_ref_exposures=int(rng.choice([1, 3, 5, 10])),
        new_zero_point=used.zero_point,
        ref_zero_point=used.zero_point + rng.normal(0.0, 0.2),
        misregistration=tuple(rng.normal(0.0, used.registration_rms, 2)),
        new_beta=used.beta,
        ref_beta=used.beta + rng.normal(0.0, 0.1),
    )
    return scene, float(seeing[0] / used.pixel_scale_arcsec)


def with_variable_stars(
    rng: np.random.Generator, scene: SimulatedPair, saturation_electron: float
) -> tuple[Frame, Floats]:
    """Add light to some stars of the new image; return it and the positions of all that changed."""
    ny, nx = scene.new.shape
    stars, transients = scene.stars, scene.transients
    unsaturated = 0.9 * stars["flux"] / scene.new_field.fwhm**2 < 0.5 * saturation_electron
    chosen = rng.permutation(np.flatnonzero(_well_inside(scene) & unsaturated))[: int(40 * nx * ny / 1024**2)]
    x, y = stars["x"][chosen], stars["y"][chosen]
    wanted = np.exp(rng.uniform(math.log(5.0), math.log(150.0), len(chosen)))
    frame = _with_light(rng, scene.new, scene.new_field.model(), x, y, wanted)
    xy = np.concatenate([[transients["x"], transients["y"]], [x, y]], axis=1).T
    return frame, xy


def _with_light(
    rng: np.random.Generator, frame: Frame, psf: PsfModel, x: Floats, y: Floats, snr: Floats
) -> Frame:
    """Add point sources of given signal-to-noise ratios, reckoned with the noise of this frame."""
    data, variance = frame.data.astype(np.float64), frame.variance.astype(np.float64)
    for box, profile, wanted in zip(*_boxes(frame, psf, x, y), snr, strict=True):
        light = profile.clip(0.0) * wanted / np.sqrt((profile**2 / variance[box]).sum())
        data[box] += rng.poisson(light)
        variance[box] += light
    return frame.replaced(data=data, variance=variance)


def with_moved_stars(rng: np.random.Generator, scene: SimulatedPair) -> Frame:
    """Displace some stars of the reference by a fraction of a pixel, as proper motion and colour do."""
    frame, psf = scene.ref, scene.ref_field.model()
    ny, nx = frame.shape
    bright = np.flatnonzero(_well_inside(scene) & (scene.stars["snr"] > 50))
    chosen = rng.permutation(bright)[: int(25 * nx * ny / 1024**2)]
    stars = scene.stars.rows(chosen)
    dx, dy = rng.normal(0.0, 0.5, (2, len(chosen)))
    data = frame.data.astype(np.float64)
    draw: Callable[..., tuple[list[tuple[slice, slice]], list[Floats]]] = partial(_boxes, frame, psf)
    for factor, (boxes, profiles) in (
        (-1.0, draw(stars["x"], stars["y"])),
        (1.0, draw(stars["x"] + dx, stars["y"] + dy)),
    ):
        for box, profile, flux in zip(boxes, profiles, stars["flux"] * scene.pair.flux_ratio, strict=True):
            data[box] += factor * flux * profile
    return frame.replaced(data=data)


def _well_inside(scene: SimulatedPair) -> NDArray[np.bool_]:
    ny, nx = scene.new.shape
    x, y = scene.stars["x"], scene.stars["y"]
    inside: NDArray[np.bool_] = (x > 10) & (x < nx - 10) & (y > 10) & (y < ny - 10)
    return inside


def _boxes(
    frame: Frame, psf: PsfModel, x: Floats, y: Floats
) -> tuple[list[tuple[slice, slice]], list[Floats]]:
    """Return where on a frame the PSF at each position lies, and what of it lies there."""
    ny, nx = frame.shape
    profiles = psf.stamps(x, y)
    half = psf.size // 2
    boxes, parts = [], []
    corners = zip(np.floor(x + 0.5).astype(int) - half, np.floor(y + 0.5).astype(int) - half, strict=True)
    for profile, (left, bottom) in zip(profiles, corners, strict=True):
        rows = slice(max(bottom, 0), max(min(bottom + psf.size, ny), 0))
        columns = slice(max(left, 0), max(min(left + psf.size, nx), 0))
        boxes.append((rows, columns))
        parts.append(
            profile[rows.start - bottom : rows.stop - bottom, columns.start - left : columns.stop - left]
        )
    return boxes, parts

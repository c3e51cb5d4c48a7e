"""Cosmic rays as a thick detector records them: straight muons, winding electrons, spots."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf

from seechange_core.frames import Floats

#: Silicon 250 micrometres thick with pixels of 15 micrometres, in pixels.
_THICKNESS = 250.0 / 15.0
#: A muon leaves 80 electrons per micrometre at its most probable loss.
_MUON_ELECTRON = 80.0 * 15.0
_ELECTRON_KEV = 1000.0 / 3.65
#: Charge from the far side spreads by this on its way (pixel).
_DIFFUSION = 0.45
_STEP = 0.25
_LONGEST = 400.0
_REACH = 3


def particle_tracks(rng: np.random.Generator, shape: tuple[int, int], number: float) -> Floats:
    """Draw the charge that ionising particles leave.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        Rows and columns.
    number : float
        Expected; the actual number follows Poisson's law.

    Returns
    -------
    array of shape (ny, nx)
        Electrons.

    Notes
    -----
    Three fifths are muons, with zenith angles of density cos^3 (a cos^2 flux on a level surface), so that tracks are
    from 1 to hundreds of pixels long; Moyal's distribution stands for the fluctuations of their loss. A quarter are
    electrons of 20 keV to 1 MeV that scatter the more the slower they are. The rest are spots of 300 to 30000
    electrons. Charge diffuses with the square root of its distance from the gates; at most 0.45 pixels.
    """
    charge = np.zeros(shape)
    for _ in range(rng.poisson(number)):
        kind = rng.random()
        if kind < 0.6:
            path, electrons = _muon(rng)
        elif kind < 0.85:
            path, electrons = _electron(rng)
        else:
            path = np.array([[0.0, 0.0, rng.uniform(0.0, _THICKNESS)]])
            electrons = np.array([10.0 ** rng.uniform(2.5, 4.5)])
        path[:, :2] += rng.uniform((0.0, 0.0), shape[::-1]) - 0.5
        _deposit(charge, path, electrons)
    return charge


def _muon(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return points x, y, depth of a straight track through the whole detector, and the charge at each."""
    cosine = max(rng.random() ** 0.25, _THICKNESS / _LONGEST)
    azimuth = rng.uniform(0.0, 2.0 * math.pi)
    length = _THICKNESS / cosine
    depth = (np.arange(math.ceil(length / _STEP)) + 0.5) * _STEP * cosine
    across = depth * math.sqrt(1.0 - cosine**2) / cosine
    # If z is normal, -log(z^2) follows Moyal's law.
    loss = 1.0 + 0.25 * np.maximum(-np.log(rng.standard_normal(len(depth)) ** 2), -2.0)
    path = np.stack([across * math.cos(azimuth), across * math.sin(azimuth), depth], axis=1)
    return path, _MUON_ELECTRON * _STEP * loss


def _electron(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return points and charge of an electron that slows down and scatters until it stops or leaves."""
    energy = 10.0 ** rng.uniform(1.3, 3.0)
    position = np.array([0.0, 0.0, rng.uniform(0.0, _THICKNESS)])
    direction = rng.standard_normal(3)
    points, electrons = [], []
    while energy > 0.0 and 0.0 <= position[2] <= _THICKNESS:
        # keV per pixel: 11 at 100 keV, 5 where the loss is least.
        loss = min(energy, _STEP * max(5.0, 11.0 * (energy / 100.0) ** -0.6))
        points.append(position)
        electrons.append(loss * _ELECTRON_KEV)
        energy -= loss
        direction = direction / np.linalg.norm(direction)
        direction = direction + rng.standard_normal(3) * min(0.6, 20.0 * math.sqrt(_STEP) / (energy + 20.0))
        position = position + _STEP * direction / np.linalg.norm(direction)
    return np.array(points), np.array(electrons)


def _deposit(charge: Floats, path: Floats, electrons: Floats) -> None:
    ny, nx = charge.shape
    sigma = np.maximum(_DIFFUSION * np.sqrt(np.clip(path[:, 2] / _THICKNESS, 0.0, 1.0)), 0.05)[:, None]
    offset = np.arange(-_REACH, _REACH + 2) - 0.5
    shares, pixels = [], []
    for axis in (1, 0):
        middle = np.floor(path[:, axis] + 0.5)
        edges = offset + (middle - path[:, axis])[:, None]
        shares.append(np.diff(0.5 * erf(edges / (math.sqrt(2.0) * sigma)), axis=1))
        pixels.append(middle.astype(int)[:, None] + np.arange(-_REACH, _REACH + 1))
    values = electrons[:, None, None] * shares[0][:, :, None] * shares[1][:, None, :]
    y, x = np.broadcast_arrays(pixels[0][:, :, None], pixels[1][:, None, :])
    inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
    np.add.at(charge, (y[inside], x[inside]), values[inside])

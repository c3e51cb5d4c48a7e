"""Trails of satellites and aircraft: what crosses the field while the shutter is open."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seechange_core.frames import Floats

_NODES = 9


@dataclass(frozen=True)
class Trail:
    """A straight trail.

    Parameters
    ----------
    start, end : tuple of float
        x, y (pixel); may lie off the image.
    peak : float
        Light in the middle of the profile where it is brightest (electron per pixel).
    fwhm : float
        Of the point-spread function across it (pixel).
    width : float
        Of the box that the profile is smeared with, for what is out of focus or resolved (pixel).
    period : float
        Of its variation along its length (pixel); 0 for a steady one.
    lit_fraction : float
        Part of the period in which a blinking one shines; 0 for a light that varies as sin^2.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    peak: float
    fwhm: float
    width: float = 0.0
    period: float = 0.0
    lit_fraction: float = 0.5


def add_trail(canvas: Floats, trail: Trail, beta: float = 3.5) -> None:
    """Add a trail to an image in place.

    Parameters
    ----------
    canvas : array of shape (ny, nx)
        Electrons.
    trail : Trail
    beta : float
        Of the Moffat profile; a line of such points has the profile (1 + d^2 / alpha^2)^(1/2 - beta).
    """
    (x0, y0), (x1, y1) = trail.start, trail.end
    length = math.hypot(x1 - x0, y1 - y0)
    cosine, sine = (x1 - x0) / length, (y1 - y0) / length
    y, x = np.mgrid[: canvas.shape[0], : canvas.shape[1]].astype(np.float32)
    across = (y - y0) * cosine - (x - x0) * sine
    alpha = trail.fwhm / (2.0 * math.sqrt(2.0 ** (1.0 / beta) - 1.0))
    reach = 0.5 * trail.width + alpha * max(5.0, (trail.peak / 0.1) ** (0.5 / (beta - 0.5)))
    near = np.abs(across) < reach
    distance = across[near]
    along = ((x - x0) * cosine + (y - y0) * sine)[near]

    def smeared(offset: Floats) -> Floats:
        shifts = trail.width * (np.arange(_NODES) + 0.5 - _NODES / 2) / _NODES if trail.width else [0.0]
        total = [(1.0 + ((offset - shift) / alpha) ** 2) ** (0.5 - beta) for shift in shifts]
        return np.asarray(np.mean(total, axis=0))

    light = trail.peak * smeared(distance) / smeared(np.zeros(1))
    if trail.period:
        phase = along / trail.period % 1.0
        light *= phase < trail.lit_fraction if trail.lit_fraction else np.sin(np.pi * phase) ** 2
    # The ends are as soft as the point-spread function.
    sigma = trail.fwhm / 2.355
    light *= np.clip(0.5 + along / (2.5 * sigma), 0.0, 1.0)
    light *= np.clip(0.5 + (length - along) / (2.5 * sigma), 0.0, 1.0)
    canvas[near] += light

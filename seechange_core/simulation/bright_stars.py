"""What bright stars do beyond their profile: diffraction spikes, and columns into which their charge bleeds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats


def add_spikes(
    canvas: Floats,
    x: float,
    y: float,
    flux: float,
    fwhm: float,
    *,
    angle: float = math.pi / 4,
    arms: int = 4,
    fraction: float = 0.02,
) -> None:
    """Add the diffraction spikes of a star to an image in place.

    Parameters
    ----------
    canvas : array of shape (ny, nx)
        Electrons.
    x, y : float
        Position (pixel); may be off the image.
    flux : float
        Of the star (electron).
    fwhm : float
        Of the Gaussian profile across an arm (pixel).
    angle : float
        Of the first arm, from +x to +y (radian); the others follow evenly.
    arms : int
    fraction : float
        Of the star's light that is in the spikes.

    Notes
    -----
    Along an arm the light falls as 1 / (r + 4 FWHM)^2, as that of a vane's edge does beyond its core.
    """
    rows, columns = np.mgrid[: canvas.shape[0], : canvas.shape[1]].astype(np.float32)
    sigma, core = fwhm / 2.355, 4.0 * fwhm
    for arm in range(arms):
        direction = angle + 2.0 * math.pi * arm / arms
        cosine, sine = math.cos(direction), math.sin(direction)
        along = (columns - x) * cosine + (rows - y) * sine
        across = (rows - y) * cosine - (columns - x) * sine
        near = (along > 0.0) & (np.abs(across) < 5.0 * sigma)
        profile = np.exp(-0.5 * (across[near] / sigma) ** 2) / (math.sqrt(2.0 * math.pi) * sigma)
        canvas[near] += flux * fraction / arms * core / (along[near] + core) ** 2 * profile


def bled(charge: Floats, full_well: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Let the charge that exceeds the full well flow along the columns.

    Parameters
    ----------
    charge : array of shape (ny, nx)
        Electrons.
    full_well : float
        What a pixel holds (electron).

    Returns
    -------
    array of shape (ny, nx)
        Electrons, none above the full well; charge that reaches the ends of a column is lost.
    bool array of shape (ny, nx)
        Pixels that are full.
    """
    result = charge.copy()
    for column in np.flatnonzero((charge > full_well).any(axis=0)):
        values = result[:, column]
        excess = np.maximum(values - full_well, 0.0)
        np.minimum(values, full_well, out=values)
        for order in (range(len(values)), range(len(values) - 1, -1, -1)):
            carried = 0.0
            for row in order:
                carried += 0.5 * excess[row]
                taken = min(carried, full_well - values[row])
                values[row] += taken
                carried -= taken
    return result, result >= full_well

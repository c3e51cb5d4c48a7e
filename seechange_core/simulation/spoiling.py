"""Defects put into simulated images: bad pixels, cosmic rays, saturated stars, areas without data."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Frame, MaskPlane
from seechange_core.simulation.particle_tracks import particle_tracks


def with_bad_pixels(frame: Frame, fraction: float, rng: np.random.Generator) -> Frame:
    """Make a fraction of the pixels bad: NaN, and masked as ``BAD``."""
    bad = rng.random(frame.shape) < fraction
    return frame.replaced(
        data=np.where(bad, np.nan, frame.data), mask=np.where(bad, frame.mask | MaskPlane.BAD, frame.mask)
    )


def with_cosmic_rays(frame: Frame, number: float, rng: np.random.Generator) -> Frame:
    """Add the charge of an expected number of ionising particles; neither mask nor variance knows of them."""
    return frame.replaced(data=frame.data + particle_tracks(rng, frame.shape, number).astype(np.float32))


def with_saturation(frame: Frame, level_electron: float) -> Frame:
    """Cut the light off at a level (electron) and mask the pixels there as ``SATURATED``."""
    saturated = frame.data >= level_electron
    return frame.replaced(
        data=np.minimum(frame.data, np.float32(level_electron)),
        mask=np.where(saturated, frame.mask | MaskPlane.SATURATED, frame.mask),
    )


def without_columns(frame: Frame, first: int) -> Frame:
    """Take the data away from a column on: zero, without variance, masked as ``NO_DATA``."""
    missing = np.arange(frame.shape[1]) >= first
    return frame.replaced(
        data=np.where(missing, 0, frame.data),
        variance=np.where(missing, 0, frame.variance),
        mask=np.where(missing, frame.mask | MaskPlane.NO_DATA, frame.mask),
    )

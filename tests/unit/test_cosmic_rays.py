"""Cosmic rays and stars beside pixels that are masked."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import MaskPlane
from seechange_core.imaging.detrending.cosmic_rays import find_cosmic_rays
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_points

SHAPE = (256, 256)
COLUMN = 128


def found(light: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    data = (rng.poisson(light + 400.0) + rng.normal(0, 5, SHAPE)).astype(np.float32)
    mask = np.zeros(SHAPE, np.uint16)
    mask[:, COLUMN] = MaskPlane.BAD
    data[:, COLUMN] = 0.0
    return find_cosmic_rays(data, mask, threshold=5.0, sharpest_fwhm=2.5, skirt_threshold=2.0)


def test_track_along_a_bad_column_is_found() -> None:
    light = np.zeros(SHAPE)
    light[100:124, COLUMN + 1] = 3000.0
    hit = found(light)
    assert hit[100:124, COLUMN + 1].all()
    assert hit.sum() == 24


@pytest.mark.parametrize("offset", [-1.0, -0.5, 0.0, 0.3, 0.5, 1.0, 1.5])
def test_star_on_a_bad_column_is_none(offset: float) -> None:
    light = np.zeros(SHAPE)
    x, y = np.full(8, COLUMN + offset), 20.0 + 28.0 * np.arange(8)
    add_points(light, MoffatField(SHAPE, 2.6), x, y, np.full(8, 1e5))
    assert not found(light).any()

"""Grids on the sky."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import SkyMapping
from seechange_core.imaging.alignment.sky_grid import SkyGrid

SCALE = 0.26 / 3600.0


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (180.0, 60.0), (12.0, 89.98)])
def test_grid_covers_what_it_is_made_for(ra: float, dec: float) -> None:
    footprints = [
        SkyMapping((ra, dec), (1000.0 + shift, 500.0), np.diag([-SCALE, SCALE])).footprint((1000, 2000))
        for shift in (-300.0, 200.0)
    ]
    grid = SkyGrid.covering(footprints, 0.26)
    for corner_ra, corner_dec in footprints:
        x, y = grid.mapping.sky_to_pixel(corner_ra, corner_dec)
        assert x.min() >= -0.51
        assert y.min() >= -0.51
        assert x.max() <= grid.shape[1] - 0.49
        assert y.max() <= grid.shape[0] - 0.49
    if dec < 80:
        assert grid.shape[0] <= 1010
        assert grid.shape[1] <= 2515
    again = SkyGrid.covering(footprints, 0.26)
    assert again.cell == grid.cell
    assert SkyGrid(grid.ra_deg, grid.dec_deg, 0.27, grid.shape).cell != grid.cell

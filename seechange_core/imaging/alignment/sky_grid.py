"""Pixel grids on the sky that belong to no camera: where coadds live."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.mapping import project

_STEP_DEG = 1e-4


@dataclass(frozen=True)
class SkyGrid:
    """A tangent-plane grid, north up and east to the left, touching the sky at its centre.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Of the centre; rounded to 0.0001 deg, so that `cell` says all.
    scale_arcsec : float
        Side of a pixel; rounded to 0.0001 arcsec.
    shape : tuple of int
        Rows and columns.
    """

    ra_deg: float
    dec_deg: float
    scale_arcsec: float
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ra_deg", round(self.ra_deg % 360.0, 4) % 360.0)
        object.__setattr__(self, "dec_deg", round(self.dec_deg, 4) + 0.0)
        object.__setattr__(self, "scale_arcsec", round(self.scale_arcsec, 4))

    @property
    def cell(self) -> str:
        """Identity of the grid as text, made of its numbers alone."""
        ny, nx = self.shape
        return f"{self.ra_deg:08.4f}{self.dec_deg:+08.4f}_{self.scale_arcsec:.4f}as_{nx}x{ny}"

    @property
    def mapping(self) -> SkyMapping:
        """From the grid's pixels to the sky."""
        ny, nx = self.shape
        scale = self.scale_arcsec / 3600.0
        return SkyMapping(
            (self.ra_deg, self.dec_deg), (0.5 * (nx - 1), 0.5 * (ny - 1)), np.diag([-scale, scale])
        )

    @classmethod
    def covering(cls, footprints: Sequence[tuple[Floats, Floats]], scale_arcsec: float) -> SkyGrid:
        """Return the smallest grid that holds all footprints.

        Parameters
        ----------
        footprints : sequence of (ra, dec)
            Corners of images (deg), as `SkyMapping.footprint` returns them.
        scale_arcsec : float
            Side of a pixel.

        Raises
        ------
        ValueError
            If there is no footprint, or they span more than a hemisphere.
        """
        if not footprints:
            raise ValueError("a grid needs at least one footprint to cover")
        ra = np.concatenate([np.asarray(corner[0], np.float64) for corner in footprints])
        dec = np.concatenate([np.asarray(corner[1], np.float64) for corner in footprints])
        centre = _mean_direction(ra, dec)
        grid = cls(*centre, scale_arcsec, (1, 1))
        for _ in range(3):
            xi, eta = project(ra, dec, (grid.ra_deg, grid.dec_deg))
            if not np.all(np.isfinite(xi)):
                raise ValueError("the footprints span more than a hemisphere")
            x, y = xi * 3600.0 / grid.scale_arcsec, eta * 3600.0 / grid.scale_arcsec
            shape = (_side(y), _side(x))
            middle = (0.5 * (x.min() + x.max()), 0.5 * (y.min() + y.max()))
            if max(abs(middle[0]), abs(middle[1])) * grid.scale_arcsec < 3600.0 * _STEP_DEG:
                break
            moved = SkyMapping(
                (grid.ra_deg, grid.dec_deg),
                (0.0, 0.0),
                np.diag([grid.scale_arcsec, grid.scale_arcsec]) / 3600.0,
            ).pixel_to_sky([middle[0]], [middle[1]])
            grid = cls(float(moved[0][0]), float(moved[1][0]), scale_arcsec, (1, 1))
        return cls(grid.ra_deg, grid.dec_deg, scale_arcsec, shape)


def _side(values: Floats) -> int:
    """Return how many pixels, centred on zero, hold all values (measured in pixels)."""
    return max(2 * math.ceil(float(np.abs(values).max())), 1)


def _mean_direction(ra: Floats, dec: Floats) -> tuple[float, float]:
    alpha, delta = np.radians(ra), np.radians(dec)
    x, y = np.mean(np.cos(delta) * np.cos(alpha)), np.mean(np.cos(delta) * np.sin(alpha))
    z = np.mean(np.sin(delta))
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))

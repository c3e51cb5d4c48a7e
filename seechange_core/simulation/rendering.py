"""Sources onto pixels: the light that arrives, before any noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import ColumnTable, Floats
from seechange_core.simulation.galaxies import convolved_stamps
from seechange_core.simulation.psf_field import NORMALISATION_RADIUS_FWHM, MoffatField

#: Stamps end where a source's light falls below this (electron per pixel), and never within 5 FWHM.
_FAINTEST_ELECTRON = 0.02
_SIZE_STEP = 16
_LARGEST_SIZE = 301


def add_points(canvas: Floats, field: MoffatField, x: Floats, y: Floats, flux: Floats) -> None:
    """Add point sources to an image in place.

    Parameters
    ----------
    canvas : array of shape (ny, nx)
        Electrons.
    field : MoffatField
        PSF.
    x, y, flux : array of shape (n,)
        Positions (pixel) and fluxes (electron); sources off the image count as far as their light reaches.
    """
    sizes = _point_sizes(field, flux)
    for size in np.unique(sizes):
        chosen = np.flatnonzero((sizes == size) & _reaching(canvas, x, y, sizes))
        stamps = field.stamps(x[chosen], y[chosen], int(size)) * flux[chosen, None, None]
        _add_stamps(canvas, stamps, x[chosen], y[chosen])


def add_galaxies(canvas: Floats, field: MoffatField, galaxies: ColumnTable, flux: Floats) -> None:
    """Add galaxies to an image in place.

    Parameters
    ----------
    canvas : array of shape (ny, nx)
        Electrons.
    field : MoffatField
        PSF.
    galaxies : ColumnTable of n rows
        Columns ``x``, ``y``, ``radius`` (scale radius, pixel), ``axis_ratio``, ``angle`` (radian), ``index``.
    flux : array of shape (n,)
        Electron.
    """
    x, y, radius = galaxies["x"], galaxies["y"], galaxies["radius"]
    extent = 9.0 * radius / np.sqrt(galaxies["axis_ratio"]) + NORMALISATION_RADIUS_FWHM * field.fwhm
    sizes = _odd_sizes(extent)
    psf_size = int(_odd_sizes(np.array(NORMALISATION_RADIUS_FWHM * field.fwhm)))
    for size in np.unique(sizes):
        chosen = np.flatnonzero((sizes == size) & _reaching(canvas, x, y, sizes))
        psf = field.stamps(x[chosen], y[chosen], psf_size)
        shape = galaxies.rows(chosen)
        stamps = convolved_stamps(
            psf, shape["radius"], shape["axis_ratio"], shape["angle"], shape["index"], int(size)
        )
        _add_stamps(canvas, stamps * flux[chosen, None, None], x[chosen], y[chosen])


def _point_sizes(field: MoffatField, flux: Floats) -> NDArray[np.int64]:
    peak = 0.4 * np.maximum(flux, 0.0) / field.fwhm**2
    reach = field.fwhm * (peak / _FAINTEST_ELECTRON) ** (0.5 / field.beta)
    return _odd_sizes(np.maximum(reach, NORMALISATION_RADIUS_FWHM * field.fwhm))


def _odd_sizes(reach: Floats) -> NDArray[np.int64]:
    """Round up to few different sizes, so that sources of one size can be drawn together."""
    steps = np.ceil(2.0 * reach / _SIZE_STEP).astype(np.int64)
    return np.minimum(steps * _SIZE_STEP + 1, _LARGEST_SIZE)


def _reaching(canvas: Floats, x: Floats, y: Floats, sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    ny, nx = canvas.shape
    half = sizes // 2
    return (x > -half - 1) & (x < nx + half) & (y > -half - 1) & (y < ny + half)


def _add_stamps(canvas: Floats, stamps: Floats, x: Floats, y: Floats) -> None:
    ny, nx = canvas.shape
    size = stamps.shape[-1]
    left = np.floor(x + 0.5).astype(int) - size // 2
    bottom = np.floor(y + 0.5).astype(int) - size // 2
    for stamp, x0, y0 in zip(stamps, left, bottom, strict=True):
        rows = slice(max(y0, 0), max(min(y0 + size, ny), 0))
        columns = slice(max(x0, 0), max(min(x0 + size, nx), 0))
        canvas[rows, columns] += stamp[
            rows.start - y0 : rows.stop - y0, columns.start - x0 : columns.stop - x0
        ]

"""Bringing images to another pixel grid.

The spline through the pixels (`spline`) is evaluated at the positions of a polynomial `PixelMap`, and multiplied with
the area of the target's pixels so that flux is kept. Where the two grids are the same but for whole pixels, the pixels
are copied.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from seechange_core.frames import Floats, Frame, Mask, MaskPlane, Pixels
from seechange_core.frames.arrays import as_pixels
from seechange_core.frames.polynomial import exponents
from seechange_core.imaging.alignment.noise_ratio import sky_scatter
from seechange_core.imaging.alignment.pixel_map import PixelMap
from seechange_core.imaging.alignment.resampling import resample_rows
from seechange_core.imaging.alignment.warp_source import WarpSource, prepare_source

_FACTOR_GRID = 15
_FACTOR_DEGREE = 3
#: Factor at positions of the target.
FluxFactor = Callable[[Floats, Floats], Floats]


def warp_rows(
    source: WarpSource,
    pixel_map: PixelMap,
    rows: tuple[int, int],
    n_columns: int,
    flux_factor: FluxFactor | None = None,
    *,
    interpolation_error: bool = True,
) -> tuple[Pixels, Pixels, Mask]:
    """Resample the target's rows from the first up to, not including, the second; see `warp_frame`.

    Without the error of interpolation in the variance what is sharper than a star, as a cosmic ray, stands out.
    """
    shape = (rows[1] - rows[0], n_columns)
    data, variance = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    mask = np.full(shape, np.uint16(MaskPlane.NO_DATA))
    degree = max(pixel_map.degree, _FACTOR_DEGREE)
    shift = pixel_map.whole_shift()
    if shift is not None:
        factor = None
        if flux_factor is not None:
            factor = partial(_drawn, pixel_map, _factor_terms(pixel_map, degree, flux_factor), degree)
        _copy(source, shift, rows[0], factor, (data, variance, mask))
        return data, variance, mask
    resample_rows(
        source.coefficients,
        source.variance,
        source.spread_mask,
        pixel_map.x_coefficients,
        pixel_map.y_coefficients,
        pixel_map.degree,
        _factor_terms(pixel_map, degree, flux_factor),
        degree,
        np.array(pixel_map.centre),
        np.array(pixel_map.scale),
        np.array(pixel_map.box),
        rows[0],
        data,
        variance,
        mask,
        np.uint16(MaskPlane.EDGE),
        interpolation_error,
    )
    return data, variance, mask


def warp_frame(
    frame: Frame,
    pixel_map: PixelMap,
    shape: tuple[int, int],
    *,
    flux_factor: FluxFactor | None = None,
    overwrite: bool = False,
) -> Frame:
    """Resample a frame to another grid.

    Parameters
    ----------
    frame : Frame
        The source. Subtract a strong background first: large holes are filled with zero.
    pixel_map : PixelMap
        From the target's pixels to the source's, as `pixel_map.fit_pixel_map` makes it.
    shape : tuple of int
        Rows and columns of the target.
    flux_factor : callable, optional
        Of the target's x and y (pixel, arrays of shape (n,)): what fluxes are multiplied with besides, a smooth
        function, as `flux_scaling.variation_factor` makes it.
    overwrite : bool
        Whether the data of the source may be overwritten, which spares their memory.

    Returns
    -------
    Frame
        Electrons per target pixel; ``info`` and ``header`` are those of the source. ``NO_DATA`` with zero data and
        variance where the source does not reach; ``EDGE`` where the kernel reaches beyond it; other planes where a
        pixel that they mark has weight (the inner 4 by 4 of the kernel's 6 by 6). A map that moves the source by whole
        pixels, to 0.001 pixel, copies all three planes.

    Notes
    -----
    Variance is interpolated (bilinear) and multiplied with the squared area: it describes the noise at low frequencies,
    which the kernel passes. The lower noise of single pixels is ``noise_ratio``, measured on the sky before and after.
    Where an image is undersampled, the square of the error of interpolation is added to it.
    """
    is_resampled = pixel_map.whole_shift() is None
    before = sky_scatter(frame.data, frame.variance, frame.mask) if is_resampled else 0.0
    source = prepare_source(frame, overwrite=overwrite)
    data, variance, mask = warp_rows(source, pixel_map, (0, shape[0]), shape[1], flux_factor)
    after = sky_scatter(data, variance, mask) if is_resampled else 0.0
    ratio = after / before if before > 0 and after > 0 else 1.0
    return Frame(data, variance, mask, frame.info, frame.header, frame.noise_ratio * ratio)


def _copy(
    source: WarpSource,
    shift: tuple[int, int],
    first_row: int,
    factor: Callable[[Floats, Floats], Pixels] | None,
    out: tuple[Pixels, Pixels, Mask],
) -> None:
    """Write the pixels of a source that is moved by whole pixels."""
    frame = source.frame
    ny, nx = frame.shape
    n_rows, n_columns = out[0].shape
    x, y = shift[0], shift[1] + first_row
    left, right = max(-x, 0), min(n_columns, nx - x)
    top, bottom = max(-y, 0), min(n_rows, ny - y)
    if left >= right or top >= bottom:
        return
    target, taken = np.s_[top:bottom, left:right], np.s_[top + y : bottom + y, left + x : right + x]
    data, variance, mask = frame.data[taken], frame.variance[taken], source.mask[taken]
    if factor is not None:
        drawn = factor(np.arange(left, right), np.arange(top, bottom) + first_row)
        data, variance = data * drawn, variance * drawn**2
    out[0][target], out[1][target], out[2][target] = data, variance, mask
    for plane in out[:2]:
        plane[(out[2] & np.uint16(MaskPlane.NO_DATA)) != 0] = 0.0


def _factor_terms(pixel_map: PixelMap, degree: int, flux_factor: FluxFactor | None) -> Floats:
    """Fit a polynomial in the map's variables to the pixel area times the flux factor."""
    first_x, last_x, first_y, last_y = pixel_map.box
    sides = np.linspace(first_y, last_y, _FACTOR_GRID), np.linspace(first_x, last_x, _FACTOR_GRID)
    y, x = (values.ravel() for values in np.meshgrid(*sides, indexing="ij"))
    factors = np.abs(np.linalg.det(pixel_map.jacobian(x, y)))
    if flux_factor is not None:
        factors = factors * flux_factor(x, y)
    return np.asarray(np.linalg.lstsq(pixel_map.terms(x, y, degree), factors, rcond=None)[0], np.float64)


def _drawn(pixel_map: PixelMap, terms: Floats, degree: int, columns: Floats, rows: Floats) -> Pixels:
    """Evaluate a polynomial in the map's variables at every pixel of some rows and columns."""
    coefficients = np.zeros((degree + 1, degree + 1))
    for (i, j), term in zip(exponents(degree), terms, strict=True):
        coefficients[j, i] = term
    u = np.vander((columns - pixel_map.centre[0]) / pixel_map.scale[0], degree + 1, increasing=True)
    v = np.vander((rows - pixel_map.centre[1]) / pixel_map.scale[1], degree + 1, increasing=True)
    return as_pixels((v @ coefficients).astype(np.float32) @ u.T.astype(np.float32))

"""Bringing images to another pixel grid.

Pixels are resampled with a Lanczos kernel at the positions of a polynomial `PixelMap`, and multiplied with the
area of the target's pixels so that flux is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seechange_core.frames import Floats, Frame, Mask, MaskPlane, Pixels, unusable
from seechange_core.imaging import lanczos
from seechange_core.imaging.noise_ratio import sky_scatter
from seechange_core.imaging.pixel_map import PixelMap

_AREA_GRID = 15


@dataclass(frozen=True)
class WarpSource:
    """A frame made ready to be resampled, once for any number of strips.

    Parameters
    ----------
    data, variance : array of shape (ny, nx), float32
        With plausible values at unusable pixels.
    mask : array of shape (ny, nx), uint16
        Planes spread over the pixels that matter for a position.
    """

    data: Pixels
    variance: Pixels
    mask: Mask


def prepare_source(frame: Frame) -> WarpSource:
    """Fill unusable pixels so that they do not ring, and spread their mask over the pixels they still touch."""
    mask = frame.mask.copy()
    mask[~(np.isfinite(frame.data) & np.isfinite(frame.variance))] |= int(MaskPlane.NO_DATA)
    bad = unusable(mask)
    data, variance = frame.data, frame.variance
    if bad.any():
        data, variance = lanczos.holes_filled(data, bad), lanczos.holes_filled(variance, bad)
    return WarpSource(data, variance, lanczos.spread_mask(mask))


def warp_rows(
    source: WarpSource, pixel_map: PixelMap, rows: tuple[int, int], n_columns: int
) -> tuple[Pixels, Pixels, Mask]:
    """Resample the target's rows from the first up to, not including, the second; see `warp_frame`."""
    shape = (rows[1] - rows[0], n_columns)
    data, variance = np.empty(shape, np.float32), np.empty(shape, np.float32)
    mask = np.empty(shape, np.uint16)
    lanczos.resample_rows(
        source.data,
        source.variance,
        source.mask,
        pixel_map.x_coefficients,
        pixel_map.y_coefficients,
        _area_coefficients(pixel_map),
        pixel_map.degree,
        np.array(pixel_map.centre),
        np.array(pixel_map.scale),
        np.array(pixel_map.box),
        rows[0],
        lanczos.WEIGHTS,
        data,
        variance,
        mask,
        np.uint16(MaskPlane.NO_DATA),
        np.uint16(MaskPlane.EDGE),
    )
    return data, variance, mask


def warp_frame(frame: Frame, pixel_map: PixelMap, shape: tuple[int, int]) -> Frame:
    """Resample a frame to another grid.

    Parameters
    ----------
    frame : Frame
        The source. Subtract a strong background first: large holes are filled with zero.
    pixel_map : PixelMap
        From the target's pixels to the source's, as `pixel_map.fit_pixel_map` makes it.
    shape : tuple of int
        Rows and columns of the target.

    Returns
    -------
    Frame
        Electrons per target pixel; ``info`` and ``header`` are those of the source. ``NO_DATA`` with zero data and
        variance where the source does not reach; ``EDGE`` where the kernel reaches beyond it; other planes where a
        pixel that they mark has weight (the inner 4 by 4 of the kernel's 6 by 6).

    Notes
    -----
    Variance is interpolated (bilinear) and multiplied with the squared area: it describes the noise at low frequencies,
    which the kernel passes. The lower noise of single pixels is ``noise_ratio``, measured on the sky before and after.
    """
    data, variance, mask = warp_rows(prepare_source(frame), pixel_map, (0, shape[0]), shape[1])
    before = sky_scatter(frame.data, frame.variance, frame.mask)
    after = sky_scatter(data, variance, mask)
    ratio = after / before if before > 0 and after > 0 else 1.0
    return Frame(data, variance, mask, frame.info, frame.header, frame.noise_ratio * ratio)


def _area_coefficients(pixel_map: PixelMap) -> Floats:
    side = np.linspace(-1.0, 1.0, _AREA_GRID)
    v, u = (values.ravel() for values in np.meshgrid(side, side, indexing="ij"))
    x = pixel_map.centre[0] + u * pixel_map.scale[0]
    y = pixel_map.centre[1] + v * pixel_map.scale[1]
    areas = np.abs(np.linalg.det(pixel_map.jacobian(x, y)))
    return lanczos.area_terms(pixel_map.terms(x, y, pixel_map.degree), areas)

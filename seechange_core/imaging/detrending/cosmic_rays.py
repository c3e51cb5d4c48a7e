"""Cosmic rays: light that is sharper than the point-spread function allows."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Mask, Pixels
from seechange_core.frames.mask import MASK_DTYPE, UNUSABLE
from seechange_core.imaging.background.sky_mesh import fill_row, measure_sky_mesh

#: Room for noise in the shape, relative to the ratio of neighbour to peak.
_MARGIN = 0.95


def find_cosmic_rays(
    data: Pixels, mask: Mask, *, threshold: float, sharpest_fwhm: float, skirt_threshold: float
) -> NDArray[np.bool_]:
    """Find pixels hit by cosmic rays.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Electrons, sky included.
    mask : array of the same shape
        Bits of `MaskPlane`; unusable pixels are neither found nor compared with.
    threshold : float
        By how many sigma a pixel must be too bright for what lies beside it.
    sharpest_fwhm : float
        Full width of the sharpest stars that can occur (pixel, as seen on the pixels).
    skirt_threshold : float
        A neighbour of a hit pixel is masked too if it lies this many sigma of the sky above the sky.

    Returns
    -------
    bool array of shape (ny, nx)

    Raises
    ------
    Rejected
        If too few pixels are usable to measure the sky.

    Notes
    -----
    A pixel p is compared with the mean m of two opposite neighbours, along rows, columns and diagonals. The light of
    stars has p <= m / r, with r the ratio at the centre of the sharpest star; charge in a track is narrower than that
    across the track, whatever its length, in all seeing. Lupton et al. (2001), ASP Conf. 238, 269, and the SDSS
    pipeline use this test. Where a neighbour is masked, as in a bad column, the pixel beyond it takes its place, and
    r is squared. The noise is that of the sky and of the light m / r, never of the pixel itself.
    """
    sky = measure_sky_mesh(data, mask)
    ratio = math.exp(-4.0 * math.log(2.0) / sharpest_fwhm**2)
    hit = _too_sharp(
        data,
        mask,
        MASK_DTYPE(UNUSABLE),
        (sky.level, sky.sigma),
        sky.cell,
        np.float32(threshold),
        np.float32(_MARGIN * ratio),
        np.float32(_MARGIN * ratio**2),
    )
    return _with_skirts(
        hit, data, mask, MASK_DTYPE(UNUSABLE), (sky.level, sky.sigma), sky.cell, np.float32(skirt_threshold)
    )


@njit(cache=True)
def _too_sharp(
    data: Pixels,
    mask: Mask,
    unusable: np.uint16,
    sky: tuple[Pixels, Pixels],
    cell: tuple[float, float],
    threshold: np.float32,
    beside: np.float32,
    diagonal: np.float32,
) -> NDArray[np.bool_]:
    ny, nx = data.shape
    hit = np.zeros((ny, nx), np.bool_)
    level, sigma = np.zeros(nx, np.float32), np.zeros(nx, np.float32)
    for y in range(ny):
        fill_row(sky[0], cell, y, level)
        fill_row(sky[1], cell, y, sigma)
        for x in range(nx):
            # Most pixels end here.
            if not data[y, x] > level[x] + threshold * sigma[x] or mask[y, x] & unusable:
                continue
            for dy, dx, usual in ((0, 1, beside), (1, 0, beside), (1, 1, diagonal), (1, -1, diagonal)):
                before = _reach(mask, unusable, y, x, -dy, -dx)
                after = _reach(mask, unusable, y, x, dy, dx)
                if before == 0 or after == 0 or before + after > 3:
                    continue
                # Across a bad column: of all stars half way to the farther neighbour has the least light there.
                ratio = usual * usual if before + after == 3 else usual
                one, other = data[y - before * dy, x - before * dx], data[y + after * dy, x + after * dx]
                mean = np.float32(0.5) * (one + other) - level[x]
                light = max(mean, np.float32(0.0)) / ratio
                variance = (sigma[x] * sigma[x] + light) * (np.float32(1.0) + np.float32(0.5) / ratio**2)
                if data[y, x] - level[x] - light > threshold * np.sqrt(variance):
                    hit[y, x] = True
                    break
    return hit


@njit(cache=True)
def _reach(mask: Mask, unusable: np.uint16, y: int, x: int, dy: int, dx: int) -> int:
    """Return how many steps away the first usable pixel is, of two; 0 if neither is."""
    ny, nx = mask.shape
    for step in range(1, 3):
        row, column = y + step * dy, x + step * dx
        if row < 0 or row >= ny or column < 0 or column >= nx:
            return 0
        if not mask[row, column] & unusable:
            return step
    return 0


@njit(cache=True)
def _with_skirts(
    hit: NDArray[np.bool_],
    data: Pixels,
    mask: Mask,
    unusable: np.uint16,
    sky: tuple[Pixels, Pixels],
    cell: tuple[float, float],
    threshold: np.float32,
) -> NDArray[np.bool_]:
    ny, nx = data.shape
    result = hit.copy()
    limit, sigma = np.zeros(nx, np.float32), np.zeros(nx, np.float32)
    for y in range(ny):
        if not hit[max(0, y - 1) : y + 2].any():
            continue
        fill_row(sky[0], cell, y, limit)
        fill_row(sky[1], cell, y, sigma)
        limit += threshold * sigma
        for x in range(nx):
            if data[y, x] > limit[x] and not mask[y, x] & unusable:
                result[y, x] |= hit[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].any()
    return result

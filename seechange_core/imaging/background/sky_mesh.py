"""Level and noise of the sky in the cells of a mesh, from a sample of the pixels: quick, for finding defects with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from seechange_core.errors import Rejected
from seechange_core.frames import Mask, Pixels
from seechange_core.frames.mask import MASK_DTYPE, UNUSABLE

_SIGMA_OF_MAD = 1.4826
_STRIDE = 4
_LEAST_SAMPLE = 8


@dataclass(frozen=True)
class SkyMesh:
    """The sky at the middles of cells.

    Parameters
    ----------
    level, sigma : array of shape (my, mx), float32
        Median and scatter of the pixels.
    cell : tuple of float
        Rows and columns of a cell (pixel).
    """

    level: Pixels
    sigma: Pixels
    cell: tuple[float, float]


def measure_sky_mesh(data: Pixels, mask: Mask, cell: int = 128) -> SkyMesh:
    """Measure the sky with every fourth pixel of every fourth row.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Pixels of any unit.
    mask : array of the same shape
        Bits of `MaskPlane`; unusable pixels are left out.
    cell : int
        Approximate side of a cell (pixel).

    Returns
    -------
    SkyMesh
        Cells with fewer than 8 usable pixels in the sample take the median of the others.

    Raises
    ------
    Rejected
        If no cell has as many.
    """
    rows, columns = (max(1, round(side / cell)) for side in data.shape)
    level, sigma = _sampled(data, mask, MASK_DTYPE(UNUSABLE), rows, columns)
    known = np.isfinite(level)
    if not known.any():
        raise Rejected("every pixel of the section is masked, or nearly so: its sky cannot be measured")
    level[~known], sigma[~known] = np.median(level[known]), np.median(sigma[known])
    return SkyMesh(level, sigma, (data.shape[0] / rows, data.shape[1] / columns))


@njit(cache=True)
def fill_row(mesh: Pixels, cell: tuple[float, float], y: int, line: Pixels) -> None:
    """Write the bilinear interpolation of a mesh along one row of the image into a line."""
    my, mx = mesh.shape
    v = min(max((y + 0.5) / cell[0] - 0.5, 0.0), my - 1.0)
    j = min(int(v), max(my - 2, 0))
    below, weight_y = min(j + 1, my - 1), np.float32(v - j)
    previous = 0
    value = mesh[j, 0] + weight_y * (mesh[below, 0] - mesh[j, 0])
    for i in range(mx):
        middle = int((i + 0.5) * cell[1])
        following = mesh[j, i] + weight_y * (mesh[below, i] - mesh[j, i])
        slope = (following - value) / np.float32(max(middle - previous, 1))
        for x in range(previous, middle):
            line[x] = value + slope * np.float32(x - previous)
        previous, value = middle, following
    line[previous:] = value


@njit(cache=True)
def _sampled(data: Pixels, mask: Mask, unusable: np.uint16, rows: int, columns: int) -> tuple[Pixels, Pixels]:
    ny, nx = data.shape
    level, sigma = np.full((rows, columns), np.nan, np.float32), np.full((rows, columns), np.nan, np.float32)
    sample = np.empty((ny // rows // _STRIDE + 2) * (nx // columns // _STRIDE + 2), np.float32)
    for j in range(rows):
        for i in range(columns):
            n = 0
            for y in range(j * ny // rows, (j + 1) * ny // rows, _STRIDE):
                # Shifted from row to row, so that no column is left out.
                for x in range(i * nx // columns + y // _STRIDE % _STRIDE, (i + 1) * nx // columns, _STRIDE):
                    if mask[y, x] & unusable == 0 and np.isfinite(data[y, x]):
                        sample[n] = data[y, x]
                        n += 1
            if n >= _LEAST_SAMPLE:
                middle = np.float32(np.median(sample[:n]))
                level[j, i] = middle
                sigma[j, i] = np.float32(_SIGMA_OF_MAD) * np.float32(np.median(np.abs(sample[:n] - middle)))
    return level, sigma

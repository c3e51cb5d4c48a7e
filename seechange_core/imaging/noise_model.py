"""The variance of pixels as a model: sky, read noise, and the light of sources, never the noisy pixel itself."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve, uniform_filter

from seechange_core.frames import Floats, Pixels

_SIGMA_OF_MAD = 1.4826
_BLOCK = 64
_WIDE = 7
_SIGNIFICANT = 3.0


def sky_blocks(data: Pixels, usable: NDArray[np.bool_], block: int = _BLOCK) -> tuple[Pixels, Pixels]:
    """Measure level and scatter of the sky in square blocks.

    Parameters
    ----------
    data : array of shape (ny, nx)
        Pixels of any unit.
    usable : bool array of the same shape
        Others are left out.
    block : int
        Side of the blocks (pixel).

    Returns
    -------
    level, scatter : array of shape (ny, nx), float32
        Median and scatter (from the median absolute deviation), interpolated linearly between blocks. Blocks without
        a usable pixel take the median of the others.
    """
    ny, nx = data.shape
    rows, columns = max(1, round(ny / block)), max(1, round(nx / block))
    y_edges, x_edges = (np.linspace(0, side, n + 1).astype(int) for side, n in ((ny, rows), (nx, columns)))
    level, scatter = np.full((rows, columns), np.nan), np.full((rows, columns), np.nan)
    for j in range(rows):
        for i in range(columns):
            box = slice(y_edges[j], y_edges[j + 1]), slice(x_edges[i], x_edges[i + 1])
            values = data[box][usable[box]]
            if values.size:
                level[j, i] = np.median(values)
                scatter[j, i] = _SIGMA_OF_MAD * np.median(np.abs(values - level[j, i]))
    y, x = (_linear_weights(edges) for edges in (y_edges, x_edges))
    return _spread(level, y, x), _spread(scatter, y, x)


def source_light(excess: Pixels, sky_sigma: Pixels) -> Pixels:
    """Estimate the light of sources in each pixel from the pixels around it.

    Parameters
    ----------
    excess : array of shape (ny, nx)
        Electrons above the sky; 0 at unusable pixels.
    sky_sigma : array of shape (ny, nx)
        Noise of a pixel on empty sky (electron).

    Returns
    -------
    array of shape (ny, nx), float32
        A quadratic surface through the 24 neighbours where that is significant, else the mean of 7 x 7 pixels where
        that is, else 0.

    Notes
    -----
    A variance that contains the pixel's own noise biases fluxes weighted with it by some per cent (Horne 1986,
    PASP 98, 609); leaving the pixel itself out removes that.
    """
    kernel = _quadratic_kernel()
    close = convolve(excess, kernel, mode="nearest")
    wide = uniform_filter(excess, _WIDE, mode="nearest")
    close_limit = _SIGNIFICANT * float(np.sqrt((kernel**2).sum())) * sky_sigma
    light = np.where(wide > _SIGNIFICANT / _WIDE * sky_sigma, wide, 0.0)
    return np.where(close > close_limit, close, light).astype(np.float32)


@cache
def _quadratic_kernel() -> Pixels:
    """Return weights (5, 5) that give the value at the middle of a quadratic fitted to all but the middle pixel."""
    y, x = (grid.ravel() for grid in np.mgrid[-2:3, -2:3])
    terms = np.stack([np.ones(25), x, y, x * x, x * y, y * y], axis=1)
    around = (x != 0) | (y != 0)
    weights = np.zeros(25)
    weights[around] = np.linalg.pinv(terms[around])[0]
    return weights.reshape(5, 5).astype(np.float32)


def _linear_weights(edges: NDArray[np.int_]) -> Pixels:
    """Return the weights (pixels, blocks) that interpolate linearly between the middles of blocks."""
    middles = (edges[:-1] + edges[1:] - 1) / 2.0
    pixel = np.arange(edges[-1])
    weights = [np.interp(pixel, middles, unit) for unit in np.eye(len(middles))]
    return np.stack(weights, axis=1).astype(np.float32)


def _spread(blocks: Floats, y: Pixels, x: Pixels) -> Pixels:
    known = np.isfinite(blocks)
    filled = np.where(known, blocks, np.median(blocks[known]) if known.any() else 0.0)
    return y @ filled.astype(np.float32) @ x.T

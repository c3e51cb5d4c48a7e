"""How strong a known pattern of fringes is in an image."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.background.sky_blocks import interpolated_row, sky_blocks
from seechange_core.imaging.robust import scatter

_BLOCK = 16
_ENOUGH = 1024
_CLIP_SIGMA = 2.5
_BLOCK_CLIP_SIGMA = 4.0
_LEAST_PIXELS = 64
_ROUNDS = 5
_CLIPPING_ROUNDS = 5
_DEGREE = 3


def fringe_amplitude(data: Pixels, usable: NDArray[np.bool_], pattern: Pixels) -> tuple[float, float]:
    """Fit a pattern to the sky.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Flat-fielded; pixels of sources need not be marked.
    usable : bool array of the same shape
        Pixels to look at.
    pattern : array of the same shape
        Of the fringes, in any unit; not finite where unknown.

    Returns
    -------
    amplitude, error : float
        Fringes are amplitude times pattern. NaN and infinity if too little of the image is usable.

    Notes
    -----
    Sources are left out twice: pixels off the local sky, and blocks of 16 x 16 pixels, over which data and pattern are
    averaged, off the fit. Of large images every second pixel along either axis is enough. Fitted with the amplitude is
    a polynomial in x and y of third degree, so that neither gradients nor scattered light are taken for fringes.
    """
    step = max(1, min(data.shape) // _ENOUGH)
    data, pattern = (np.ascontiguousarray(plane[::step, ::step]) for plane in (data, pattern))
    seen = usable[::step, ::step] & np.isfinite(pattern)
    pattern = np.where(seen, pattern, np.float32(0.0))
    amplitude, error = 0.0, np.inf
    for _ in range(_ROUNDS):
        # Clipping pixels off the sky flattens what fringes are left in it, so a first amplitude is too small.
        rest = data if amplitude == 0.0 else data - pattern * np.float32(amplitude)
        change, error = _fitted_once(rest, seen, pattern)
        amplitude += change
        if not abs(change) > 0.3 * error:
            break
    return amplitude, error


def _fitted_once(data: Pixels, seen: NDArray[np.bool_], pattern: Pixels) -> tuple[float, float]:
    sky = sky_blocks(data, seen)
    means, shapes, counts = _block_means(
        data, seen, pattern, sky.level, sky.scatter, sky.y_middle, sky.x_middle
    )
    good = counts >= _LEAST_PIXELS
    v, u = np.meshgrid(*(np.linspace(-1, 1, side) for side in means.shape), indexing="ij")
    terms = [u**i * v**j for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    design = np.stack([shapes, *terms], axis=-1)[good]
    values, weight = means[good], np.sqrt(counts[good])
    if len(values) < 4 * design.shape[1]:
        return float("nan"), float("inf")
    return _fitted(design, values, weight)


def _fitted(design: Floats, values: Floats, weight: Floats) -> tuple[float, float]:
    kept = np.ones(len(values), bool)
    for _ in range(_CLIPPING_ROUNDS):
        weighted = design[kept] * weight[kept, None]
        covariance = np.linalg.pinv(weighted.T @ weighted)
        solution = covariance @ (weighted.T @ (values[kept] * weight[kept]))
        residual = (values - design @ solution) * weight
        sigma = scatter(residual[kept])
        now = np.abs(residual) <= _BLOCK_CLIP_SIGMA * sigma
        if (now == kept).all() or now.sum() < 2 * design.shape[1]:
            break
        kept = now
    return float(solution[0]), float(sigma * np.sqrt(covariance[0, 0]))


@njit(cache=True)
def _block_means(
    data: Pixels,
    usable: NDArray[np.bool_],
    pattern: Pixels,
    level: Pixels,
    spread: Pixels,
    y_middle: Pixels,
    x_middle: Pixels,
) -> tuple[Floats, Floats, Floats]:
    """Return means of data and pattern over the pixels of blocks that are near the sky, and how many those are."""
    ny, nx = data.shape
    rows, columns = (ny + _BLOCK - 1) // _BLOCK, (nx + _BLOCK - 1) // _BLOCK
    means, shapes = np.zeros((rows, columns)), np.zeros((rows, columns))
    counts = np.zeros((rows, columns))
    limit = np.float32(_CLIP_SIGMA)
    sky, sigma = np.empty(nx, np.float32), np.empty(nx, np.float32)
    for y in range(ny):
        j = y // _BLOCK
        interpolated_row(level, y_middle, x_middle, y, sky)
        interpolated_row(spread, y_middle, x_middle, y, sigma)
        for x in range(nx):
            if usable[y, x] and abs(data[y, x] - sky[x]) < limit * sigma[x]:
                i = x // _BLOCK
                means[j, i] += data[y, x]
                shapes[j, i] += pattern[y, x]
                counts[j, i] += 1.0
    for j in range(rows):
        for i in range(columns):
            if counts[j, i] > 0:
                means[j, i] /= counts[j, i]
                shapes[j, i] /= counts[j, i]
    return means, shapes, counts

"""The point-spread function of an image that was warped to another grid."""

from __future__ import annotations

import math

import numba
import numpy as np

from seechange_core.frames import PsfModel
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.alignment.pixel_map import PixelMap
from seechange_core.imaging.alignment.spline import BEFORE, CHUNK, TAPS, spline_coefficients, spline_weights

#: Stars rendered around each place; the fractions of a two-dimensional sequence that fills the cell evenly.
_STARS = 8
_SPREAD = np.modf(np.arange(1, _STARS + 1)[:, None] * np.array([0.7548776662, 0.5698402910]))[0] - 0.5


def warp_psf(
    psf: PsfModel,
    pixel_map: PixelMap,
    shape: tuple[int, int],
    *,
    size: int | None = None,
    degree: int | None = None,
) -> PsfModel:
    """Return the PSF of a warped image, in pixel coordinates of the target.

    Stars are rendered on the source's pixels, at a grid of places and around each at the subpixel phases that the map
    has there, resampled with the kernel that warps the pixels, averaged, and fitted with a polynomial again. Where the
    two grids are the same but for a shift, the phase is one, and so is the kernel's response.

    Parameters
    ----------
    psf : PsfModel
        Of the source.
    pixel_map : PixelMap
        From the target's pixels to the source's.
    shape : tuple of int
        Rows and columns of the target.
    size : int, optional
        Side of the model's stamp (odd, target pixel); by default what the source's stamp covers.
    degree : int, optional
        Of the polynomial; by default that of the source's model.

    Returns
    -------
    PsfModel
        With one sample per target pixel; centred on and scaled by the target, so that models of one size and degree can
        be averaged coefficient by coefficient.
    """
    degree = psf.degree if degree is None else degree
    x_zero, y_zero = 0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1)
    x_scale, y_scale = max(x_zero, 1.0), max(y_zero, 1.0)
    side = degree + 1
    box = pixel_map.box
    step = (np.arange(side) + 0.5) / side
    sides = box[2] + step * (box[3] - box[2]), box[0] + step * (box[1] - box[0])
    y, x = (values.ravel() for values in np.meshgrid(*sides, indexing="ij"))
    jacobians = pixel_map.jacobian(x, y)
    area = float(np.median(np.abs(np.linalg.det(jacobians))))
    half = int(psf.size / 2 / math.sqrt(area)) if size is None else size // 2
    cell = (box[1] - box[0]) / side, (box[3] - box[2]) / side
    warped = np.zeros((len(x), 2 * half + 1, 2 * half + 1), np.float32)
    for stamp, x_here, y_here, jacobian in zip(warped, x, y, jacobians, strict=True):
        # Stars on pixels of the target: their phases on the source are those of the resampling.
        x_star, y_star = pixel_map(
            np.rint(x_here + _SPREAD[:, 0] * cell[0]), np.rint(y_here + _SPREAD[:, 1] * cell[1])
        )
        x_phase, y_phase = x_star - np.floor(x_star + 0.5), y_star - np.floor(y_star + 0.5)
        x_source, y_source = (float(position[0]) for position in pixel_map(x_here, y_here))
        rendered = psf.stamps(np.rint(x_source) + x_phase, np.rint(y_source) + y_phase)
        for star, dx, dy in zip(rendered.astype(np.float32), x_phase, y_phase, strict=True):
            middle = psf.size // 2
            _resample_stamp(spline_coefficients(star), middle + dx, middle + dy, jacobian, half, stamp)
    warped *= np.abs(np.linalg.det(jacobians))[:, None, None].astype(np.float32) / np.float32(_STARS)
    terms = design_matrix((x - x_zero) / x_scale, (y - y_zero) / y_scale, degree)
    coefficients = np.linalg.lstsq(terms, warped.reshape(len(x), -1), rcond=None)[0]
    return PsfModel(
        coefficients.reshape(-1, 2 * half + 1, 2 * half + 1).astype(np.float32),
        degree,
        x_zero,
        y_zero,
        x_scale,
        y_scale,
        fwhm=psf.fwhm / math.sqrt(area),
        n_stars=psf.n_stars,
    )


@numba.njit(cache=True, nogil=True)
def _resample_stamp(coefficients, x_zero, y_zero, jacobian, half, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (2 half + 1 squared) a stamp resampled by a linear map; (x_zero, y_zero) goes to its middle."""
    # Zeros around the stamp, so that the kernel fits everywhere near it.
    side, n = coefficients.shape[0] + 2 * TAPS, 2 * half + 1
    padded = np.zeros((side, side), np.float32)
    padded[TAPS : side - TAPS, TAPS : side - TAPS] = coefficients
    x_weights, y_weights = np.empty(TAPS * CHUNK, np.float32), np.empty(TAPS * CHUNK, np.float32)
    column, line = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    right, up = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    for place in range(n * n):
        k = place % CHUNK
        to_x, to_y = place % n - half, place // n - half
        x = x_zero + jacobian[0, 0] * to_x + jacobian[0, 1] * to_y
        y = y_zero + jacobian[1, 0] * to_x + jacobian[1, 1] * to_y
        column[k], line[k] = int(np.floor(x)), int(np.floor(y))
        right[k], up[k] = x - column[k], y - line[k]
        if k < CHUNK - 1 and place < n * n - 1:
            continue
        spline_weights(right[: k + 1], x_weights)
        spline_weights(up[: k + 1], y_weights)
        for at in range(k + 1):
            left, top = column[at] - BEFORE + TAPS, line[at] - BEFORE + TAPS
            total = np.float32(0.0)
            if min(left, top) >= 0 and max(left, top) <= side - TAPS:
                for j in range(TAPS):
                    along = np.float32(0.0)
                    for i in range(TAPS):
                        along += x_weights[i * CHUNK + at] * padded[top + j, left + i]
                    total += y_weights[j * CHUNK + at] * along
            out[(place - k + at) // n, (place - k + at) % n] += total

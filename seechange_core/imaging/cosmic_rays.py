"""Cosmic rays: light that is sharper than the point-spread function allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Pixels
from seechange_core.frames.arrays import as_pixels
from seechange_core.imaging.masked_pixels import filled_from_neighbours, grown

_Indices = tuple[NDArray[np.intp], NDArray[np.intp]]


def find_cosmic_rays(
    excess: Pixels,
    sky_variance: Pixels,
    usable: NDArray[np.bool_],
    *,
    threshold: float,
    contrast: float,
    neighbour_fraction: float,
    iterations: int,
) -> NDArray[np.bool_]:
    """Find pixels hit by cosmic rays, by Laplacian edge detection.

    Parameters
    ----------
    excess : array of shape (ny, nx)
        Electrons above the sky.
    sky_variance : array of shape (ny, nx)
        Of a pixel on empty sky (electron^2).
    usable : bool array of the same shape
        Others are neither found nor used.
    threshold : float
        Of the Laplacian, in units of the noise.
    contrast : float
        Least ratio of the Laplacian to the fine structure, which is strong in undersampled stars.
    neighbour_fraction : float
        Fraction of the threshold that is enough beside a pixel that was found.
    iterations : int
        At most; found pixels are replaced by their neighbours before the next.

    Returns
    -------
    bool array of shape (ny, nx)

    Notes
    -----
    van Dokkum (2001), PASP 113, 1420: subsampling by two, the positive part of the Laplacian and rebinning come down
    to the mean over the four corners of max(0, 2 p - h - v), h and v the neighbours at that corner. The medians are
    only computed where the Laplacian is high.
    """
    found = np.zeros(excess.shape, dtype=bool)
    for _ in range(iterations):
        image = filled_from_neighbours(excess, found | ~usable, 3)
        new = _found_once(image, sky_variance, threshold, contrast, neighbour_fraction) & usable & ~found
        if not new.any():
            break
        found |= new
    return found


def _found_once(
    image: Pixels, sky_variance: Pixels, threshold: float, contrast: float, neighbour_fraction: float
) -> NDArray[np.bool_]:
    laplacian = _positive_laplacian(image)
    sharp = _places(laplacian > 2.0 * threshold * np.sqrt(sky_variance))
    significance, noise = _significance(image, laplacian, sky_variance, sharp)
    structure = np.maximum(_fine_structure(image, sharp) / noise, 0.01)
    hit = (significance > threshold) & (significance / structure > contrast)
    result = np.zeros(image.shape, dtype=bool)
    result[sharp[0][hit], sharp[1][hit]] = True
    for limit in (threshold, threshold * neighbour_fraction):
        beside = _places(grown(result, 1.5) & ~result)
        hit = _significance(image, laplacian, sky_variance, beside)[0] > limit
        result[beside[0][hit], beside[1][hit]] = True
    return result


def _places(where: NDArray[np.bool_]) -> _Indices:
    y, x = np.nonzero(where)
    return y, x


def _significance(
    image: Pixels, laplacian: Pixels, sky_variance: Pixels, at: _Indices
) -> tuple[Pixels, Pixels]:
    """Return the Laplacian above its surroundings in units of the noise, and the noise (electron), at pixels.

    Smooth sources have a Laplacian too, but over more pixels than a cosmic ray.
    """
    noise = np.sqrt(sky_variance[at] + np.maximum(_local_median(image, at, 2), 0.0))
    return as_pixels((laplacian[at] - _local_median(laplacian, at, 2)) / (2.0 * noise)), as_pixels(noise)


def _positive_laplacian(image: Pixels) -> Pixels:
    padded = np.pad(image, 1, mode="edge")
    middle = 2.0 * image
    total = np.zeros_like(image)
    for horizontal in (padded[1:-1, :-2], padded[1:-1, 2:]):
        for vertical in (padded[:-2, 1:-1], padded[2:, 1:-1]):
            total += np.maximum(middle - horizontal - vertical, 0.0)
    return total / 4.0


def _local_median(image: Pixels, at: _Indices, half: int) -> Pixels:
    windows = _windows(image, at, half).reshape(len(at[0]), (2 * half + 1) ** 2)
    return np.asarray(np.median(windows, axis=1), dtype=np.float32)


def _fine_structure(image: Pixels, at: _Indices) -> Pixels:
    """Return the median of 3 x 3 pixels minus the median of 7 x 7 of those."""
    windows = np.lib.stride_tricks.sliding_window_view(_windows(image, at, 4), (3, 3), axis=(1, 2))
    smoothed = np.median(windows.reshape(len(at[0]), 49, 9), axis=2)
    return np.asarray(smoothed[:, 24] - np.median(smoothed, axis=1), dtype=np.float32)


def _windows(image: Pixels, at: _Indices, half: int) -> Pixels:
    size = 2 * half + 1
    padded = np.pad(image, half, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size))[at]

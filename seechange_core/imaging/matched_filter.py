"""How significant a point source would be at each pixel of an image."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Pixels

_FWHM_PER_SIGMA = 2.3548200450309493
_KERNEL_HALF_SIGMA = 2.5


def significance(data: Pixels, variance: Pixels, mask: NDArray[np.bool_], fwhm: float) -> Pixels:
    """Filter an image with a Gaussian and divide by the noise of the result.

    Parameters
    ----------
    data, variance : array of shape (ny, nx), float32
        Electrons above the sky and electrons squared.
    mask : bool array of shape (ny, nx)
        Pixels not to be used; they count as not observed.
    fwhm : float
        Full width of the Gaussian (pixel).

    Returns
    -------
    array of shape (ny, nx), float32
        ``sum(k d / v) / sqrt(sum(k^2 / v))``: scatter 1 on empty sky; 0 at masked pixels.

    Notes
    -----
    The sum of the weighted likelihoods, as in Zackay & Ofek (2017), ApJ 836, 187, eq. 7, with noise that varies.
    """
    profile = gaussian_profile(fwhm)
    return _significance(data, variance, mask, profile, profile**2)


def gaussian_profile(fwhm: float) -> Pixels:
    """Return one half of a Gaussian of a given full width (pixel), from its middle outwards; the whole sums to 1."""
    sigma = fwhm / _FWHM_PER_SIGMA
    distance = np.arange(max(1, round(_KERNEL_HALF_SIGMA * sigma)) + 1)
    profile = np.exp(-0.5 * (distance / sigma) ** 2)
    return (profile / (2.0 * profile.sum() - profile[0])).astype(np.float32)


@njit(cache=True)
def _start(total: Pixels, middle: Pixels, factor: np.float32) -> None:
    for x in range(len(total)):
        total[x] = factor * middle[x]


@njit(cache=True)
def _add_both(total: Pixels, one: Pixels, other: Pixels, factor: np.float32) -> None:
    """Add the lines on both sides of the middle, which the same factor belongs to."""
    for x in range(len(total)):
        total[x] += factor * (one[x] + other[x])


@njit(cache=True)
def _significance(
    data: Pixels, variance: Pixels, mask: NDArray[np.bool_], profile: Pixels, squared: Pixels
) -> Pixels:
    """Filter row by row: down the columns into one line, then along it, so that the image is read once from memory."""
    ny, nx = data.shape
    reach = len(profile) - 1
    n_lines = 2 * reach + 1
    signals, weights = np.zeros((n_lines, nx), np.float32), np.zeros((n_lines, nx), np.float32)
    # With a rim of zeros at both ends.
    signal_line, weight_line = np.zeros(nx + 2 * reach, np.float32), np.zeros(nx + 2 * reach, np.float32)
    signal, weight = np.zeros(nx, np.float32), np.zeros(nx, np.float32)
    inside = slice(reach, reach + nx)
    result = np.empty_like(data)
    for leading in range(ny + reach):
        line = leading % n_lines
        if leading < ny:
            _weigh(data[leading], variance[leading], mask[leading], signals[line], weights[line])
        else:
            signals[line] = 0.0
            weights[line] = 0.0
        y = leading - reach
        if y < 0:
            continue
        _start(signal_line[inside], signals[y % n_lines], profile[0])
        _start(weight_line[inside], weights[y % n_lines], squared[0])
        for step in range(1, reach + 1):
            above, below = (y + step) % n_lines, (y - step) % n_lines
            _add_both(signal_line[inside], signals[above], signals[below], profile[step])
            _add_both(weight_line[inside], weights[above], weights[below], squared[step])
        _start(signal, signal_line[inside], profile[0])
        _start(weight, weight_line[inside], squared[0])
        for step in range(1, reach + 1):
            right, left = slice(reach + step, reach + step + nx), slice(reach - step, reach - step + nx)
            _add_both(signal, signal_line[right], signal_line[left], profile[step])
            _add_both(weight, weight_line[right], weight_line[left], squared[step])
        for x in range(nx):
            result[y, x] = np.float32(0.0) if mask[y, x] else signal[x] / np.sqrt(weight[x])
    return result


@njit(cache=True)
def _weigh(data: Pixels, variance: Pixels, mask: NDArray[np.bool_], signal: Pixels, weight: Pixels) -> None:
    for x in range(len(data)):
        weight[x] = np.float32(0.0) if mask[x] else np.float32(1.0) / variance[x]
        signal[x] = np.float32(0.0) if mask[x] else weight[x] * data[x]

"""How significant a transient can be at best in the difference of two images."""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft2

from seechange_core.frames import Floats

_LENGTH = 128


def information(
    new_psf: Floats, ref_psf: Floats, new_variance: Floats, ref_variance: Floats, flux_ratio: float
) -> Floats:
    """Return the squared signal-to-noise ratio per squared electron of the new image of a proper subtraction.

    Parameters
    ----------
    new_psf, ref_psf : array of shape (n, size, size)
        Point-spread functions, sum 1.
    new_variance, ref_variance : array of shape (n,)
        Noise around the source (electron^2 of each image), taken as white.
    flux_ratio : float
        Electrons in the reference of a source that has 1 electron in the new image.

    Returns
    -------
    array of shape (n,)

    Notes
    -----
    Zackay, Ofek & Gal-Yam (2016), ApJ 830, 27: the score image of eq. 12 divided by its standard deviation,
    at the position of a source of unit flux.
    """
    new_power = np.abs(rfft2(new_psf, (_LENGTH, _LENGTH))) ** 2
    ref_power = np.abs(rfft2(ref_psf, (_LENGTH, _LENGTH))) ** 2 * flux_ratio**2
    noise = new_variance[:, None, None] * ref_power + ref_variance[:, None, None] * new_power
    power = np.divide(new_power * ref_power, noise, out=np.zeros_like(noise), where=noise > 1e-30)
    # The half plane of a real transform counts twice but for its first and last column.
    total = 2.0 * power.sum(axis=(1, 2)) - power[:, :, 0].sum(axis=1) - power[:, :, -1].sum(axis=1)
    return total / _LENGTH**2


def effective_variance(psf: Floats, variance: Floats) -> Floats:
    """Return the white noise that weighs as much as a variance map under a PSF; both are (n, size, size)."""
    return (psf**2).sum(axis=(1, 2)) / (psf**2 / variance).sum(axis=(1, 2))


def cut_around(image: Floats, x: Floats, y: Floats, size: int) -> Floats:
    """Cut stamps (n, size, size) around the pixels that hold positions; the edges are continued by their median."""
    half = size // 2
    padded = np.pad(image, half, mode="median", stat_length=half)
    left, bottom = np.floor(x + 0.5).astype(int), np.floor(y + 0.5).astype(int)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    return windows[bottom, left]

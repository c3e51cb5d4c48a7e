"""Light of the opposite sign beside a source, as misaligned images leave it."""

from __future__ import annotations

import numpy as np
from scipy import fft

from seechange_core.frames import Floats

_LEAST_INFORMATION = 0.5


def opposite_source(
    residual: Floats, weight: Floats, profile: Floats, radius: float
) -> tuple[Floats, Floats, Floats]:
    """Find the most negative point source around each source, the source itself taken out.

    Parameters
    ----------
    residual : array of shape (n, size, size)
        Pixels minus the fitted source, with the sign that makes the source positive.
    weight : array of shape (n, size, size)
        Inverse variance; 0 where a pixel is not to be used.
    profile : array of shape (n, size, size)
        The PSF at the fitted position.
    radius : float
        How far from the source to look (pixel), at whole pixels from it. Places where less than half of the
        information is left, because of masked pixels, are passed over.

    Returns
    -------
    flux : array of shape (n,)
        At most 0; in the unit of the pixels.
    dx, dy : array of shape (n,)
        From the source to it (pixel).
    """
    side = fft.next_fast_len(2 * residual.shape[-1], real=True)

    def correlate(image: Floats, kernel: Floats) -> Floats:
        product = fft.rfft2(image, (side, side)) * np.conj(fft.rfft2(kernel, (side, side)))
        shifted: Floats = fft.irfft2(product, (side, side))
        return shifted[:, near]

    offset = fft.fftfreq(side, 1.0 / side)
    near = offset[:, None] ** 2 + offset**2 <= radius**2
    information = correlate(weight, profile**2)
    signal = correlate(weight * residual, profile)
    enough = information > _LEAST_INFORMATION * information.max(axis=1, keepdims=True)
    flux = np.divide(signal, information, out=np.zeros_like(signal), where=enough)
    where = flux.argmin(axis=1)
    rows, columns = np.nonzero(near)
    lowest = flux[np.arange(len(flux)), where].clip(max=0.0)
    return lowest, offset[columns[where]], offset[rows[where]]

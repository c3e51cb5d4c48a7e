"""Widths and shapes of faint sources, many at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats

_FWHM_PER_SIGMA = 2.3548200450309493
_LARGEST_ELLIPTICITY = 0.99


def squared_distance(dx: Floats, dy: Floats, size: int) -> Floats:
    """Return the squared distance (pixel) of every pixel from a position relative to the middle of its stamp.

    Parameters
    ----------
    dx, dy : array of shape (n,)
        Positions (pixel).
    size : int
        Side of the stamps (odd, pixel).

    Returns
    -------
    array of shape (n, size, size)
    """
    pixel = np.arange(size) - size // 2
    along_x, along_y = pixel - dx[:, None], pixel - dy[:, None]
    distance: Floats = along_y[:, :, None] ** 2 + along_x[:, None, :] ** 2
    return distance


def aperture_weights(distance_squared: Floats, radius: float) -> Floats:
    """Return a round aperture; the weight of the pixels at its edge falls linearly with distance."""
    weights: Floats = (radius + 0.5 - np.sqrt(distance_squared)).clip(0.0, 1.0)
    return weights


def width_and_elongation(
    data: Floats, profile: Floats, good: NDArray[np.bool_], dx: Floats, dy: Floats, fwhm: float
) -> tuple[Floats, Floats]:
    """Compare the second moments of sources with those of their PSF.

    Parameters
    ----------
    data, profile : array of shape (n, size, size)
        Pixels, positive where there is light, and the PSF at the same place.
    good : bool array of shape (n, size, size)
        Pixels to use.
    dx, dy : array of shape (n,)
        Centres relative to the middle pixel (pixel).
    fwhm : float
        Of the PSF (pixel): a round Gaussian of this width weighs the pixels, so that noise far out does not
        count.

    Returns
    -------
    width_ratio : array of shape (n,)
        Root of the ratio of the weighted moments; 1 for a point source, about 0.2 for a single pixel, at most
        1.4 for flat light; NaN where there is no light.
    elongation : array of shape (n,)
        Major divided by minor axis of the weighted moments; at least 1.

    Notes
    -----
    Weighted moments as in Bernstein & Jarvis (2002), AJ 123, 583, sect. 3, with the weight fixed to the PSF's
    width: adapting it to each source makes the moments of the faint ones diverge.
    """
    pixel = np.arange(data.shape[-1]) - data.shape[-1] // 2
    u, v = (pixel - dx[:, None])[:, None, :], (pixel - dy[:, None])[:, :, None]
    weight = np.where(good, np.exp(-0.5 * (u**2 + v**2) * (_FWHM_PER_SIGMA / fwhm) ** 2), 0.0)

    def moments(light: Floats) -> tuple[Floats, Floats, Floats]:
        weighted = np.where(good, light, 0.0) * weight
        total = weighted.sum(axis=(1, 2))
        xx, yy, xy = ((weighted * term).sum(axis=(1, 2)) / total for term in (u**2, v**2, u * v))
        return xx, yy, xy

    with np.errstate(divide="ignore", invalid="ignore"):
        xx, yy, xy = moments(data)
        psf_xx, psf_yy, _ = moments(profile)
        width_ratio = np.sqrt((xx + yy).clip(0.0) / (psf_xx + psf_yy))
        ellipticity = np.hypot(xx - yy, 2.0 * xy) / np.abs(xx + yy)
    ellipticity = ellipticity.clip(0.0, _LARGEST_ELLIPTICITY)
    return width_ratio, np.sqrt((1.0 + ellipticity) / (1.0 - ellipticity))

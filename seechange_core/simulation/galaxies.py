"""Galaxies as Spergel profiles, whose Fourier transform is elementary, so that their total flux is exact."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.optimize import brentq
from scipy.special import gamma, kv

from seechange_core.frames import Floats

_CHUNK = 64


def convolved_stamps(
    psf: Floats, radius: Floats, axis_ratio: Floats, angle: Floats, index: Floats, size: int
) -> Floats:
    """Draw galaxies of unit flux as the PSF shows them.

    Parameters
    ----------
    psf : array of shape (n, psf_size, psf_size)
        PSF at the galaxies' positions and subpixel phases; odd, no larger than `size`.
    radius : array of shape (n,)
        Scale radius of the profile (pixel), geometric mean of the axes.
    axis_ratio : array of shape (n,)
        Minor over major axis.
    angle : array of shape (n,)
        Of the major axis, from +x to +y (radian).
    index : array of shape (n,)
        Spergel's nu: 0.5 is an exponential disc, -0.6 close to de Vaucouleurs' profile.
    size : int
        Side of the stamps (odd); what lies beyond is folded back, so that no flux is lost.

    Returns
    -------
    array of shape (n, size, size)

    Notes
    -----
    Spergel (2010), ApJS 191, 58, eq. 2: the transform is (1 + k^2 r0^2)^-(1 + nu).
    """
    length = next_fast_len(size, real=True)
    k_x = 2.0 * np.pi * np.fft.rfftfreq(length)[None, :]
    k_y = 2.0 * np.pi * np.fft.fftfreq(length)[:, None]
    out = np.empty((len(radius), size, size))
    border = (size - psf.shape[-1]) // 2
    for start in range(0, len(radius), _CHUNK):
        part = slice(start, start + _CHUNK)
        cosine, sine = (function(angle[part])[:, None, None] for function in (np.cos, np.sin))
        major = (radius[part] / np.sqrt(axis_ratio[part]))[:, None, None]
        minor = (radius[part] * np.sqrt(axis_ratio[part]))[:, None, None]
        along, across = k_x * cosine + k_y * sine, k_y * cosine - k_x * sine
        radius2 = ((major * along) ** 2 + (minor * across) ** 2).astype(np.float32)
        transform = (1.0 + radius2) ** -(1.0 + index[part, None, None]).astype(np.float32)
        drawn = irfft2(rfft2(psf[part].astype(np.float32), (length, length)) * transform, (length, length))
        out[part] = np.roll(drawn, (border, border), axis=(1, 2))[:, :size, :size]
    return out


def half_light_ratio(index: float) -> float:
    """Return the half-light radius of a Spergel profile in units of its scale radius.

    Notes
    -----
    Spergel (2010), eq. 4: the flux within R is 1 - 2 (1 + nu) f(R; nu + 1),
    f(u; nu) = (u / 2)^nu K_nu(u) / Gamma(nu + 1).
    """
    order = index + 1.0

    def excess(radius: float) -> float:
        outside = 2.0 * order * (radius / 2.0) ** order * kv(order, radius) / gamma(order + 1.0)
        return float(0.5 - outside)

    return float(brentq(excess, 1e-6, 20.0))

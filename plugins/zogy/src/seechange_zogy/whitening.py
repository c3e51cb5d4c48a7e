"""ZOGY's filters from the transforms of two PSFs, in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

from seechange_core.imaging.spectra import Spectrum

#: Where both PSFs have less than about this part of their light, measured ones are noise. Filters of noise would spread
#: what is sharp, like the rim of a saturated star, over the whole stamp.
_FLOOR = np.float32(0.003)


@njit(cache=True, error_model="numpy")
def whitened(
    new_psf: Spectrum, ref_psf: Spectrum, new_share: np.float32, ref_share: np.float32
) -> tuple[Spectrum, Spectrum, Spectrum]:
    """Return the filters of the new image and of the reference, and the difference's PSF.

    Parameters
    ----------
    new_psf, ref_psf : array of shape (ny, nx // 2 + 1)
        P_n, P_r: transforms of PSFs that sum to 1.
    new_share, ref_share : float
        Of the sum of the two noise variances, V_n and V_r.

    Notes
    -----
    ``P_r / w``, ``P_n / w`` and ``P_n P_r / w`` with ``w = sqrt(V_n |P_r|^2 + V_r |P_n|^2)``: Zackay, Ofek & Gal-Yam
    (2016), ApJ 830, 27, eqs. 13 and 14. Where both PSFs vanish, so that their quotient is not known, both filters tend
    to 1.
    """
    ny, nx = new_psf.shape
    new, ref = np.empty((ny, nx), np.complex64), np.empty((ny, nx), np.complex64)
    psf = np.empty((ny, nx), np.complex64)
    floor2 = _FLOOR * _FLOOR
    for y in range(ny):
        for x in range(nx):
            n, r = new_psf[y, x], ref_psf[y, x]
            power = n.real * n.real + n.imag * n.imag + r.real * r.real + r.imag * r.imag
            floor = _FLOOR * floor2 / (floor2 + power)
            a = complex(r.real + floor, r.imag)
            b = complex(n.real + floor, n.imag)
            whole = new_share * (a.real * a.real + a.imag * a.imag)
            whole += ref_share * (b.real * b.real + b.imag * b.imag)
            factor = np.float32(1.0) / np.sqrt(whole)
            new[y, x] = np.complex64(complex(a.real * factor, a.imag * factor))
            ref[y, x] = np.complex64(complex(b.real * factor, b.imag * factor))
            psf[y, x] = n * new[y, x]
    return new, ref, psf

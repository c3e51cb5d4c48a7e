"""How faint a source could be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Pixels, PsfModel

_EVERY = 4


def limiting_flux(variance: Pixels, occupied: NDArray[np.bool_], psf: PsfModel, sigma: float = 5.0) -> float:
    """Return the PSF flux of a source on empty sky at a given significance.

    Parameters
    ----------
    variance : array of shape (ny, nx)
        From the model.
    occupied : bool array of shape (ny, nx)
        Pixels that cannot be used or belong to sources; if no others are left, all count.
    psf : PsfModel
        Its middle stands for the image.
    sigma : float
        Significance.

    Notes
    -----
    The error of a flux with optimal weights is ``1 / sqrt(sum(P^2) / variance)``: Horne (1986), PASP 98, 609.
    """
    sample, taken = variance[::_EVERY, ::_EVERY], occupied[::_EVERY, ::_EVERY]
    sky = np.median(sample[~taken] if not taken.all() else sample)
    profile = psf.centred(psf.x_zero, psf.y_zero)
    return float(sigma * np.sqrt(sky / (profile**2).sum()))

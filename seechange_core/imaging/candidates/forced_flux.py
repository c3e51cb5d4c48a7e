"""PSF flux of an image at given positions."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Frame, Pixels, PsfModel
from seechange_core.imaging.psf.rendering import rendered
from seechange_core.imaging.usable_pixels import unusable_pixels

_RADIUS_FWHM = 1.2
#: Least part of the information on a flux that usable pixels have to hold.
_LEAST_SEEN = 0.2


def forced_flux(
    light: Pixels,
    corner_x: NDArray[np.int32],
    corner_y: NDArray[np.int32],
    frame: Frame,
    psf: PsfModel,
    x: Floats,
    y: Floats,
) -> tuple[Floats, Floats]:
    """Measure PSF fluxes at positions that are known from elsewhere.

    Parameters
    ----------
    light : array of shape (n, size, size)
        Stamps of the image without its sky.
    corner_x, corner_y : int array of shape (n,)
        Pixel of the image that the first one of each stamp is.
    frame : Frame
        Its variance and mask are those of the image; its data are not used.
    psf : PsfModel
        Of the image, with its ``fwhm``.
    x, y : array of shape (n,)
        Positions (pixel).

    Returns
    -------
    flux, error : array of shape (n,)
        In the unit of the stamps, and 1 sigma; NaN where less than a fifth of the information is on usable pixels.

    Notes
    -----
    Horne (1986), PASP 98, 609, eq. 8, on pixels within 1.2 FWHM.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(known, x, 0.0), np.where(known, y, 0.0)
    size = 2 * math.ceil(_RADIUS_FWHM * psf.fwhm) + 1
    column, row = (np.floor(position + 0.5).astype(np.intp) - size // 2 for position in (x, y))
    information, signal, seen = _sums(
        light,
        corner_x,
        corner_y,
        frame.variance,
        unusable_pixels(frame),
        rendered(psf, x, y, size),
        column,
        row,
    )
    measured = known & (seen >= _LEAST_SEEN)
    information = np.where(measured, information, np.nan)
    return signal / information, 1.0 / np.sqrt(information)


@njit(cache=True)
def _sums(
    light: Pixels,
    corner_x: NDArray[np.int32],
    corner_y: NDArray[np.int32],
    variance: Pixels,
    unusable: NDArray[np.bool_],
    profiles: Pixels,
    column: NDArray[np.intp],
    row: NDArray[np.intp],
) -> tuple[Floats, Floats, Floats]:
    """Weighted sums of squared profile and of profile times light, and the part of the squared profile that is used."""
    n, size, _ = profiles.shape
    information, signal, seen = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        total = 0.0
        for j in range(size):
            y = row[i] + j - corner_y[i]
            for k in range(size):
                x = column[i] + k - corner_x[i]
                profile = np.float64(profiles[i, j, k])
                total += profile**2
                if not (0 <= y < light.shape[1] and 0 <= x < light.shape[2]):
                    continue
                value = np.float64(light[i, y, x])
                image_y, image_x = row[i] + j, column[i] + k
                # What is off the image is not a number in its stamp.
                if np.isfinite(value) and not unusable[image_y, image_x] and variance[image_y, image_x] > 0:
                    weight = 1.0 / np.float64(variance[image_y, image_x])
                    information[i] += weight * profile**2
                    signal[i] += weight * profile * value
                    seen[i] += profile**2
        seen[i] /= total
    return information, signal, seen

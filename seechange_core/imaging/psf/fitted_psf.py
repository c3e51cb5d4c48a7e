"""A PSF model through stamps that were computed at known positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seechange_core.frames import PsfModel
from seechange_core.frames.polynomial import design_matrix


def psf_from_stamps(
    stamps: NDArray[np.floating], x: ArrayLike, y: ArrayLike, shape: tuple[int, int], degree: int
) -> PsfModel:
    """Fit a polynomial of position to every pixel of centred stamps.

    Parameters
    ----------
    stamps : array of shape (n, size, size)
        Noise-free, centred on the middle pixel, one detector pixel a sample.
    x, y : array of shape (n,)
        Where each holds (pixel).
    shape : tuple of int
        Rows and columns of the image.
    degree : int
        Of the polynomial.

    Returns
    -------
    PsfModel
        With the full width at half maximum of its middle.
    """
    n, size, _ = stamps.shape
    x_zero, y_zero = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    u = (np.asarray(x, np.float64) - x_zero) / max(x_zero, 1.0)
    v = (np.asarray(y, np.float64) - y_zero) / max(y_zero, 1.0)
    terms = design_matrix(u, v, degree)
    coefficients = np.linalg.lstsq(terms, stamps.reshape(n, -1).astype(np.float64), rcond=None)[0]
    coefficients = coefficients.reshape(-1, size, size)
    return PsfModel(
        coefficients=coefficients.astype(np.float32),
        degree=degree,
        x_zero=x_zero,
        y_zero=y_zero,
        x_scale=max(x_zero, 1.0),
        y_scale=max(y_zero, 1.0),
        fwhm=full_width(coefficients[0]),
    )


def full_width(stamp: NDArray[np.floating]) -> float:
    """Return the full width at half maximum (pixel) of a centred stamp: that of a disc of the area above half maximum.

    The area is interpolated between the radial profile's points, so the width is a smooth function of the stamp.
    """
    size = stamp.shape[-1]
    offset = np.arange(size) - size // 2
    radius = np.hypot(*np.meshgrid(offset, offset)).ravel()
    order = np.argsort(radius, kind="stable")
    radius, value = radius[order], stamp.ravel()[order] / stamp[size // 2, size // 2]
    edges = np.arange(0.0, size // 2 + 0.5, 0.5)
    index = np.digitize(radius, edges)
    profile_radius = np.array([radius[index == i].mean() for i in np.unique(index)])
    profile = np.array([value[index == i].mean() for i in np.unique(index)])
    below = np.nonzero(profile < 0.5)[0]
    if not len(below) or below[0] == 0:
        return float(size)
    outer = below[0]
    inner = outer - 1
    fraction = (profile[inner] - 0.5) / (profile[inner] - profile[outer])
    return float(2 * (profile_radius[inner] + fraction * (profile_radius[outer] - profile_radius[inner])))

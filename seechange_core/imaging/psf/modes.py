"""The few ways in which a PSF is likely to differ from a smooth profile, and from place to place.

Free pixels follow the noise of the stars. What optics, focus and air do to a PSF is smooth: it widens, stretches,
skews.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from seechange_core.frames import Floats, Pixels
from seechange_core.frames.polynomial import exponents

_STEP_FWHM = 0.125
_REACH_FWHM = 2.25
_ORDERS = 2, 3, 4
_BETA_RANGE = 1.5, 20.0
_PRIOR_ROUNDS = 4
# Prior standard deviations to start from, of modes as parts of the peak, for the terms of degree 1 and more.
_FIRST_PRIOR = 0.03
_FREE_PRIOR = 1.0
_LEAST_PRIOR = 1e-5


@dataclass(frozen=True)
class PsfModes:
    """A smooth PSF and modes of its change.

    Parameters
    ----------
    smooth : array of shape (size, size)
        Elliptical Moffat profile with a sum of 1.
    gradient : array of shape (2, size, size)
        Its derivatives along x and y.
    modes : array of shape (n_modes, size, size)
        With the largest value of `smooth` as their own.
    fwhm : float
        Pixel.
    group : int array of shape (n_modes,)
        Modes of one group are about equally strong.
    inside : int array
        Pixels of the flattened stamp that decide how strong the modes are. Farther out it would be the light of
        neighbours that does.
    """

    smooth: Floats
    gradient: Floats
    modes: Floats
    fwhm: float
    group: NDArray[np.int64]
    inside: NDArray[np.intp]


def psf_modes(stamp: Floats, fwhm: float, taper: Floats) -> PsfModes:
    """Return the modes of a centred PSF.

    Parameters
    ----------
    stamp : array of shape (size, size)
        Rough PSF.
    fwhm : float
        Pixel.
    taper : array of shape (size, size)
        Where the modes end.

    Notes
    -----
    The modes are stretching and shearing (which is what a change of the seeing does), and the derivatives of the
    second to fourth order (which is what a convolution with any narrow kernel does).
    """
    size = stamp.shape[0]
    offset = np.arange(size) - size // 2
    x, y = np.meshgrid(offset.astype(np.float64), offset.astype(np.float64))
    shape = _fitted_moffat(stamp, x, y, fwhm)
    step = _STEP_FWHM * fwhm

    def derivative(along_x: int, along_y: int) -> Floats:
        total = np.zeros((size, size))
        for i in range(along_x + 1):
            for j in range(along_y + 1):
                factor = (-1) ** (i + j) * math.comb(along_x, i) * math.comb(along_y, j)
                total += factor * _moffat(
                    shape, x + (0.5 * along_x - i) * step, y + (0.5 * along_y - j) * step
                )
        return total / step ** (along_x + along_y)

    smooth = derivative(0, 0)
    along = np.array([derivative(1, 0), derivative(0, 1)])
    made = [x * along[0] + smooth, y * along[1] + smooth, x * along[1] + y * along[0]]
    group = [0, 0, 0]
    for number, order in enumerate(_ORDERS):
        made += [derivative(order - j, j) for j in range(order + 1)]
        group += [number] * (order + 1)
    modes = without(np.array(made) * taper, along)
    modes *= (smooth.max() / np.abs(modes).max(axis=(1, 2)))[:, None, None]
    inside = np.flatnonzero(np.hypot(x, y) <= _REACH_FWHM * fwhm)
    return PsfModes(smooth, along, modes, fwhm, np.array(group), inside)


def without(images: Floats, others: Floats) -> Floats:
    """Return images less what they have in common with some others: a shift, where those are the derivatives.

    Parameters
    ----------
    images : array of shape (..., size, size)
    others : array of shape (m, size, size)
    """
    flat, basis = images.reshape(-1, others[0].size), others.reshape(len(others), -1)
    common = np.linalg.solve(basis @ basis.T, basis @ flat.T)
    return np.asarray((flat - common.T @ basis).reshape(images.shape))


def fitted_modes(psf: PsfModes, terms: Floats, residual: Pixels, weight: Pixels, present: Floats) -> Floats:
    """Fit how strong the modes are, as polynomials of position, free of the stars' own fluxes and positions.

    Parameters
    ----------
    psf : PsfModes
    terms : array of shape (n, n_terms)
        The polynomial's terms at the stars, the constant first.
    residual, weight : array of shape (n, size, size)
        Light of stars of flux 1 less the present model, moved to the middle; inverse variance.
    present : array of shape (n_terms, n_modes)
        Strengths in the present model.

    Returns
    -------
    array of shape (n_terms, n_modes)
        Strengths.

    Notes
    -----
    Least squares with Gaussian priors of zero mean. The width of each prior, one for every group of modes and degree
    of the polynomial, is what makes the data most likely, found by expectation and maximisation: MacKay (1992),
    Neural Computation 4, 415. Modes that the stars do not show are thus left out by themselves.
    """
    n_modes, n_terms = len(psf.modes), terms.shape[1]
    functions = np.concatenate([psf.smooth[None], psf.gradient, psf.modes]).reshape(n_modes + 3, -1)
    functions = functions.astype(np.float32)[:, psf.inside]
    pairs = np.array(list(combinations_with_replacement(range(n_modes + 3), 2)))
    pixel_weight = weight.reshape(len(weight), -1)[:, psf.inside].astype(np.float32)
    products = pixel_weight @ (functions[pairs[:, 0]] * functions[pairs[:, 1]]).T
    normal = np.empty((len(weight), n_modes + 3, n_modes + 3))
    normal[:, pairs[:, 0], pairs[:, 1]] = products
    normal[:, pairs[:, 1], pairs[:, 0]] = products
    right = (pixel_weight * residual.reshape(len(weight), -1)[:, psf.inside]) @ functions.T
    own = normal[:, :3, :3] + 1e-9 * np.trace(normal[:, :3, :3], axis1=1, axis2=2)[:, None, None] * np.eye(3)
    share = np.linalg.solve(own, normal[:, :3, 3:]).transpose(0, 2, 1)
    information = normal[:, 3:, 3:] - share @ normal[:, :3, 3:]
    signal = right[:, 3:] - (share @ right[:, :3, None])[:, :, 0]

    squares = (terms[:, :, None] * terms[:, None, :]).reshape(len(terms), -1)
    summed = (squares.T @ information.reshape(len(terms), -1)).reshape(n_terms, n_terms, n_modes, n_modes)
    whole = summed.transpose(0, 2, 1, 3).reshape(n_terms * n_modes, n_terms * n_modes)
    target = (terms.T @ signal).ravel() + whole @ present.ravel()
    degree = np.array([sum(pair) for pair in exponents(_degree_of(n_terms))])
    block = (degree[:, None] * (psf.group.max() + 1) + psf.group[None, :]).ravel()
    prior = np.where(np.repeat(degree, n_modes) > 0, _FIRST_PRIOR, _FREE_PRIOR)
    members = np.bincount(block)
    solution = np.zeros(n_terms * n_modes)
    for _ in range(_PRIOR_ROUNDS):
        covariance = np.linalg.inv(whole + np.diag(prior**-2))
        solution = covariance @ target
        power = np.bincount(block, solution**2 + np.diag(covariance)) / np.maximum(members, 1)
        prior = np.where(prior == _FREE_PRIOR, _FREE_PRIOR, np.sqrt(power[block]).clip(_LEAST_PRIOR))
    return solution.reshape(n_terms, n_modes)


def _degree_of(n_terms: int) -> int:
    return (math.isqrt(8 * n_terms + 1) - 3) // 2


def _moffat(shape: Floats, x: Floats, y: Floats) -> Floats:
    """Logarithms of amplitude and width, exponent, reduced shear g1 and g2; see `psf.wings.Wings`."""
    amplitude, width, beta, g1, g2 = shape
    unit = np.exp(2.0 * width) * (1.0 - g1**2 - g2**2)
    radius2 = ((1.0 - g1) ** 2 + g2**2) * x**2 + ((1.0 + g1) ** 2 + g2**2) * y**2 - 4.0 * g2 * x * y
    profile: Floats = np.exp(amplitude) * (1.0 + radius2 / unit) ** -beta
    return profile


def _fitted_moffat(stamp: Floats, x: Floats, y: Floats, fwhm: float) -> Floats:
    inside = np.hypot(x, y) <= 2.0 * fwhm
    scaled, x_in, y_in = stamp[inside] / stamp.max(), x[inside], y[inside]

    def misfit(shape: Floats) -> Floats:
        return _moffat(shape, x_in, y_in) - scaled

    start = np.array([0.0, math.log(fwhm), 3.5, 0.0, 0.0])
    near = math.log(fwhm)
    bounds = [-1.0, near - 2.0, _BETA_RANGE[0], -0.7, -0.7], [1.0, near + 2.0, _BETA_RANGE[1], 0.7, 0.7]
    shape: Floats = least_squares(misfit, start, bounds=bounds).x
    shape[0] -= math.log(_moffat(shape, x, y).sum())
    return shape

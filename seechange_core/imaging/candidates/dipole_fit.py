"""Two point sources of opposite sign against one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels, PsfModel
from seechange_core.imaging.psf.rendering import rendered

_ITERATIONS = 8
_CONVERGED_PIXEL = 0.01
_LONGEST_STEP_PIXEL = 0.7
#: Pairs that explain no more than this at first are left as they are: noise does it.
_PROMISING = 4.0
#: Nearer sources are not told from the slope of a single one.
_NEAREST_FWHM = 0.2
_FARTHEST_FWHM = 2.5
#: At first, and what it is multiplied with after a step that helped and one that did not.
_DAMPING = (1e-3, 0.2, 10.0)
_TINY = 1e-9
#: Rendered beyond the pixels that are fitted, for the derivatives.
_MARGIN = 4


@dataclass(frozen=True)
class DipoleFit:
    """The best pair of sources for each stamp, arrays of shape (n,).

    Parameters
    ----------
    flux, opposite_flux : array
        Of the source and of the one of opposite sign, both positive; in the unit of the pixels.
    separation : array
        Distance of the two (pixel).
    chi2_gain : array
        Chi-square of the single source less that of the pair, at least 0. The pair has three parameters more.
    """

    flux: Floats
    opposite_flux: Floats
    separation: Floats
    chi2_gain: Floats


def fit_dipole(
    light: Floats,
    weight: Floats,
    psf: PsfModel,
    middle: Floats,
    source: Floats,
    opposite: Floats,
    fwhm: float,
) -> DipoleFit:
    """Fit fluxes and positions of two sources of opposite sign by Levenberg and Marquardt's method.

    Parameters
    ----------
    light, weight : array of shape (n, size, size)
        Pixels, with the sign that makes the source positive, and the inverse of their variance: 0 where a pixel is not
        to be used.
    psf : PsfModel
        Of the image.
    middle : array of shape (n, 2)
        x and y of the middle pixels of the stamps on the image.
    source, opposite : array of shape (n, 2)
        x and y of the single source that fits best, and first guess of the one of opposite sign (pixel of the image).
    fwhm : float
        Of the PSF (pixel): the two are kept from 0.2 to 2.5 of it apart.

    Notes
    -----
    Fluxes follow from positions linearly, so only these are iterated.
    """
    size = light.shape[-1]
    positions = np.concatenate([source, opposite], axis=1)
    drawn = _drawn(psf, positions, middle, size)
    single, _, _ = _evaluated(light, weight, True, *drawn)
    best, fluxes, normal = _evaluated(light, weight, False, *drawn)
    damping = np.full(len(light), _DAMPING[0])
    active = np.flatnonzero(single - best > _PROMISING)
    for _ in range(_ITERATIONS):
        if not len(active):
            break
        step = _step(normal[active], damping[active])
        trial = positions[active] + step
        distance = np.hypot(trial[:, 0] - trial[:, 2], trial[:, 1] - trial[:, 3])
        allowed = (distance >= _NEAREST_FWHM * fwhm) & (distance <= _FARTHEST_FWHM * fwhm)
        drawn = _drawn(psf, trial, middle[active], size)
        chi2, trial_fluxes, trial_normal = _evaluated(light[active], weight[active], False, *drawn)
        better = allowed & (chi2 < best[active])
        chosen = active[better]
        positions[chosen], best[chosen] = trial[better], chi2[better]
        fluxes[chosen], normal[chosen] = trial_fluxes[better], trial_normal[better]
        damping[active] *= np.where(better, _DAMPING[1], _DAMPING[2])
        active = active[np.abs(step).max(axis=1) > _CONVERGED_PIXEL]
    separation = np.hypot(positions[:, 0] - positions[:, 2], positions[:, 1] - positions[:, 3])
    gain = (single - best).clip(min=0.0)
    return DipoleFit(fluxes[:, 0], fluxes[:, 1], separation, gain)


def _drawn(
    psf: PsfModel, positions: Floats, middle: Floats, size: int
) -> tuple[Pixels, NDArray[np.intp], Pixels, NDArray[np.intp]]:
    """Return for both sources the PSF and by how many pixels its stamp is off the middle one."""
    one, other = positions[:, :2], positions[:, 2:]
    stamps = [rendered(psf, source[:, 0], source[:, 1], size + 2 * _MARGIN) for source in (one, other)]
    shifts = [(np.floor(source + 0.5) - middle).astype(np.intp) for source in (one, other)]
    return stamps[0], shifts[0], stamps[1], shifts[1]


def _step(normal: Floats, damping: Floats) -> Floats:
    """Return the change of the positions that the normal equations ask for, shape (n, 4)."""
    matrix, right = normal[:, :, :6].copy(), normal[:, :, 6]
    diagonal = np.einsum("nii->ni", matrix)
    diagonal += damping[:, None] * diagonal + _TINY * (1.0 + diagonal.max(axis=1, keepdims=True))
    step = np.linalg.solve(matrix, right[:, :, None])[:, 2:, 0]
    return step.clip(-_LONGEST_STEP_PIXEL, _LONGEST_STEP_PIXEL)


@njit(cache=True)
def _evaluated(
    light: Floats,
    weight: Floats,
    alone: bool,
    first: Pixels,
    first_shift: NDArray[np.intp],
    second: Pixels,
    second_shift: NDArray[np.intp],
) -> tuple[Floats, Floats, Floats]:
    """Return chi-squares, the best fluxes (n, 2), and the normal equations with their right side (n, 6, 7).

    The second source has the flux 0 if the first one is alone. Of the normal equations the first two rows belong to the
    fluxes, the others to x and y of both sources.
    """
    n, size, _ = light.shape
    chi2, fluxes, normal = np.zeros(n), np.zeros((n, 2)), np.zeros((n, 6, 7))
    wide = first.shape[1]
    # Value and slopes along x and y of both sources at each pixel that is used, its light and its weight.
    table = np.empty((size * size, 8))
    design = np.empty(6)
    for i in range(n):
        n_used = 0
        aa, ab, bb, right_a, right_b = 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(size):
            for k in range(size):
                if weight[i, j, k] == 0.0:
                    continue
                used = table[n_used]
                n_used += 1
                used[6], used[7] = light[i, j, k], weight[i, j, k]
                for source in range(2):
                    stamp, shift = (first[i], first_shift[i]) if source == 0 else (second[i], second_shift[i])
                    row, column = j + _MARGIN - shift[1], k + _MARGIN - shift[0]
                    at = 3 * source
                    if 0 < row < wide - 1 and 0 < column < wide - 1:
                        used[at] = stamp[row, column]
                        used[at + 1] = 0.5 * (stamp[row, column + 1] - stamp[row, column - 1])
                        used[at + 2] = 0.5 * (stamp[row + 1, column] - stamp[row - 1, column])
                    else:
                        used[at : at + 3] = 0.0
                aa += used[7] * used[0] ** 2
                ab -= used[7] * used[0] * used[3]
                bb += used[7] * used[3] ** 2
                right_a += used[7] * used[0] * used[6]
                right_b -= used[7] * used[3] * used[6]
        flux, opposite = _best_fluxes(aa, ab, bb, right_a, right_b, alone)
        fluxes[i, 0], fluxes[i, 1] = flux, opposite
        for pixel in range(n_used):
            used = table[pixel]
            residual = used[6] - flux * used[0] + opposite * used[3]
            chi2[i] += used[7] * residual**2
            design[0], design[1] = used[0], -used[3]
            design[2], design[3] = -flux * used[1], -flux * used[2]
            design[4], design[5] = opposite * used[4], opposite * used[5]
            for one in range(6):
                weighted = used[7] * design[one]
                for other in range(one + 1):
                    normal[i, one, other] += weighted * design[other]
                normal[i, one, 6] += weighted * residual
        for one in range(6):
            for other in range(one):
                normal[i, other, one] = normal[i, one, other]
    return chi2, fluxes, normal


@njit(cache=True)
def _best_fluxes(
    aa: float, ab: float, bb: float, right_a: float, right_b: float, alone: bool
) -> tuple[float, float]:
    """Solve the normal equations of the fluxes; neither is negative."""
    determinant = aa * bb - ab**2
    if not alone and determinant > _TINY * aa * bb:
        flux = (bb * right_a - ab * right_b) / determinant
        opposite = (aa * right_b - ab * right_a) / determinant
        if flux >= 0.0 and opposite >= 0.0:
            return flux, opposite
    return (max(right_a / aa, 0.0) if aa > 0.0 else 0.0), 0.0

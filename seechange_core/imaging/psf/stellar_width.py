"""The width of stars before a PSF is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.stamps import cut, stamp_corners

_FWHM_PER_SIGMA = 2.3548200450309493
_ROUNDS = 4
_STAMP_HALF_SIGMA = 4.0
_LARGEST_SHIFT_SIGMA = 1.0


@dataclass(frozen=True)
class Moments:
    """Gaussian-weighted positions and widths; arrays of shape (n,), NaN where they do not converge.

    Parameters
    ----------
    x, y : array
        Centroid (pixel).
    a, b, theta : array
        Root mean squares along the major and minor axis of the Gaussian that has these weighted moments (pixel), and
        the angle of the major axis from +x to +y (radian).
    """

    x: Floats
    y: Floats
    a: Floats
    b: Floats
    theta: Floats

    @property
    def fwhm(self) -> Floats:
        """Full width of the round Gaussian of the same area (pixel)."""
        return _FWHM_PER_SIGMA * np.sqrt(self.a * self.b)


def weighted_moments(data: Pixels, mask: NDArray[np.bool_], x: Floats, y: Floats, fwhm: float) -> Moments:
    """Measure centroids and widths with a Gaussian weight of fixed width that moves with the centroid.

    Parameters
    ----------
    data : array of shape (ny, nx)
        Sky subtracted.
    mask : bool array of shape (ny, nx)
        Pixels not to be used.
    x, y : array of shape (n,)
        First positions (pixel).
    fwhm : float
        Of the weight (pixel).

    Notes
    -----
    For a Gaussian source of variance s^2 and a weight of variance w^2 the centroid converges fastest with steps of
    (s^2 + w^2) / s^2, here 2, and the weighted covariance M obeys ``M^-1 = S^-1 + W^-1``. Bernstein & Jarvis (2002),
    AJ 123, 583.
    """
    sigma = fwhm / _FWHM_PER_SIGMA
    size = 2 * math.ceil(_STAMP_HALF_SIGMA * sigma) + 1
    corner_x, corner_y = stamp_corners(x, y, size)
    bad = cut(mask, corner_x, corner_y, size, True)
    light = np.where(bad, 0.0, cut(data, corner_x, corner_y, size, 0.0)).astype(np.float64)
    columns, rows = (corner[:, None] + np.arange(size) for corner in (corner_x, corner_y))
    xx, yy = np.array(x, np.float64), np.array(y, np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for turn in range(_ROUNDS):
            u, v = columns - xx[:, None], rows - yy[:, None]
            weight_x, weight_y = np.exp(-0.5 * (u / sigma) ** 2), np.exp(-0.5 * (v / sigma) ** 2)
            along_x = np.einsum("nyx,ny->nx", light, weight_y) * weight_x
            along_y = np.einsum("nyx,nx->ny", light, weight_x) * weight_y
            total = along_x.sum(axis=1)
            if turn < _ROUNDS - 1:
                xx += 2.0 * (along_x * u).sum(axis=1) / total
                yy += 2.0 * (along_y * v).sum(axis=1) / total
        m_xx, m_yy = (along_x * u**2).sum(axis=1) / total, (along_y * v**2).sum(axis=1) / total
        m_xy = np.einsum("nyx,ny,nx->n", light, weight_y * v, weight_x * u) / total
        determinant = m_xx * m_yy - m_xy**2
        # The inverse of the covariance, less that of the weight, inverted again.
        i_xx, i_yy, i_xy = m_yy / determinant - sigma**-2, m_xx / determinant - sigma**-2, -m_xy / determinant
        determinant_own = i_xx * i_yy - i_xy**2
        own_xx, own_yy, own_xy = i_yy / determinant_own, i_xx / determinant_own, -i_xy / determinant_own
        mean, difference = 0.5 * (own_xx + own_yy), np.hypot(0.5 * (own_xx - own_yy), own_xy)
        a, b = np.sqrt(mean + difference), np.sqrt(mean - difference)
        theta = 0.5 * np.arctan2(2.0 * own_xy, own_xx - own_yy)
        good = (np.hypot(xx - x, yy - y) < _LARGEST_SHIFT_SIGMA * sigma) & (total > 0)
        good &= (determinant > 0) & (determinant_own > 0) & (i_xx > 0) & (b > 0)
    return Moments(*(np.where(good, column, np.nan) for column in (xx, yy, a, b, theta)))


def half_sample_mode(values: Floats) -> float:
    """Return the mode of a sample by halving it again and again to its densest half; NaN for no values.

    Bickel & Fruehwirth (2006), Computational Statistics & Data Analysis 50, 3500.
    """
    sample = np.sort(values[np.isfinite(values)])
    while len(sample) > 3:
        half = (len(sample) + 1) // 2
        first = int(np.argmin(sample[half - 1 :] - sample[: len(sample) - half + 1]))
        sample = sample[first : first + half]
    return float(np.median(sample)) if len(sample) else math.nan


def stellar_fwhm(data: Pixels, mask: NDArray[np.bool_], x: Floats, y: Floats, first_fwhm: float) -> float:
    """Return the full width (pixel) that most sources share; NaN if none can be measured.

    Parameters
    ----------
    data, mask : array of shape (ny, nx)
        As in `weighted_moments`.
    x, y : array of shape (n,)
        Well-measured sources.
    first_fwhm : float
        To start from (pixel).
    """
    fwhm = first_fwhm
    for _ in range(3):
        found = half_sample_mode(weighted_moments(data, mask, x, y, fwhm).fwhm)
        if not math.isfinite(found):
            return math.nan
        fwhm = min(max(found, 0.5 * fwhm), 3.0 * fwhm)
    return fwhm

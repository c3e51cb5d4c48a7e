"""How many peaks noise alone makes in a score image, expected and counted."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.peaks import local_maxima

#: A peak lies within half a pixel of the highest pixel, which is lower by no more than this part of it.
_LOWER = 0.85


def expected_noise_peaks(score: Pixels, threshold: float, correlation: Floats) -> float:
    """Return how many peaks of either sign beyond a threshold a Gaussian field of scatter 1 has.

    Parameters
    ----------
    score : array of shape (ny, nx)
        Only the number of its finite pixels counts.
    threshold : float
        In sigma, 4 or more.
    correlation : array of shape (2, 2)
        As `neighbour_correlation` returns it.

    Notes
    -----
    2 A l2 (2 pi)^-1.5 u exp(-u^2 / 2), with the area A in pixels and the curvature l2 of the autocorrelation: Adler
    (1981), The Geometry of Random Fields, theorem 6.3.1.
    """
    # Fourth-order difference of an even function at 0.
    along = (30.0 - 32.0 * correlation[:, 0] + 2.0 * correlation[:, 1]) / 12.0
    curvature = math.sqrt(float(along[0] * along[1]))
    area = int(np.count_nonzero(np.isfinite(score)))
    return 2.0 * area * curvature * (2.0 * math.pi) ** -1.5 * threshold * math.exp(-0.5 * threshold**2)


def neighbour_correlation(score: Pixels, empty: NDArray[np.bool_]) -> Floats:
    """Return the autocorrelation of the score on empty sky at 1 and 2 pixels, along x and along y, shape (2, 2)."""
    values = np.where(empty & np.isfinite(score), score, np.float32(np.nan)).astype(np.float64)
    variance = float(np.nanmean(values**2))
    found = [
        [np.nanmean(plane[:, step:] * plane[:, :-step]) / variance for step in (1, 2)]
        for plane in (values, values.T)
    ]
    return np.array(found)


def count_noise_peaks(score: Pixels, threshold: float) -> int:
    """Count the peaks of either sign whose interpolated height is beyond a threshold (sigma)."""
    number = 0
    for sign in (1, -1):
        image = np.pad(sign * score, 1, constant_values=np.nan)
        y, x = local_maxima(image, _LOWER * threshold)
        middle = image[y, x].astype(np.float64)
        height = middle.copy()
        for before, after in ((image[y, x - 1], image[y, x + 1]), (image[y - 1, x], image[y + 1, x])):
            slope, bend = 0.5 * (after - before), before + after - 2.0 * middle
            with np.errstate(invalid="ignore", divide="ignore"):
                height += np.where(bend < 0, -0.5 * slope**2 / bend, 0.0)
        number += int(np.count_nonzero(height > threshold))
    return number

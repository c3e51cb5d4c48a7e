"""The gain of a single image, from the noise in the light of its sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate

from seechange_core.frames import Pixels
from seechange_core.imaging.background.sky_blocks import SkyBlocks
from seechange_core.imaging.detrending.noise_model import quadratic_weights
from seechange_core.imaging.robust import scatter

#: Light that is compared, in units of the sky's noise: below it is lost in the noise, above it is all structure.
_LEAST_SIGMA, _MOST_SIGMA = 3.0, 60.0
_BINS = 12
_LEAST_PIXELS = 200
_EMPTY_SIGMA = 1.5
#: Relative error of a variance from the median absolute deviation of n values is sqrt(2.7 / n) for normal ones.
_SCATTER_EFFICIENCY = 2.7


@dataclass(frozen=True)
class SourceNoise:
    """Noise against light.

    Parameters
    ----------
    gain : float
        Electrons per unit of the image; NaN if the noise of sources does not show.
    significance : float
        Of the photons' share in the noise of sources (sigma).
    """

    gain: float
    significance: float


def noise_of_sources(data: Pixels, usable: NDArray[np.bool_], sky: SkyBlocks) -> SourceNoise:
    """Measure the gain of an image whose sky was subtracted, so that its level tells nothing.

    Each pixel is compared with a quadratic surface through its 24 neighbours. The square of what is left grows with
    the light: as its first power by the photons' noise, as its second by structure finer than the surface.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Finite pixels of any unit.
    usable : bool array of the same shape
        Others are left out.
    sky : SkyBlocks
        Of the image.
    """
    a, b = quadratic_weights()
    y, x = np.mgrid[-2:3, -2:3]
    kernel = np.asarray(a + b * (x * x + y * y), np.float32)
    kernel[2, 2] = 0.0
    amplified = 1.0 + float(np.sum(kernel**2))
    scale = float(np.median(sky.scatter))
    excess = data - sky.spread(sky.level)
    light = correlate(excess, kernel, mode="nearest")
    near_unusable = correlate((~usable).astype(np.uint8), np.ones((5, 5), np.uint8), mode="nearest") > 0
    light = np.where(near_unusable, np.float32(np.nan), light)
    known = np.isfinite(light)
    left, light = (excess - light)[known], light[known]
    if scale <= 0 or not len(light):
        return SourceNoise(float("nan"), 0.0)
    floor = scatter(left[np.abs(light) < _EMPTY_SIGMA * scale]) ** 2 / amplified
    points = _binned(left, light, scale, amplified)
    if len(points) < 3:
        return SourceNoise(float("nan"), 0.0)
    middle, variance, number = np.array(points).T
    error = variance * np.sqrt(_SCATTER_EFFICIENCY / number)
    terms = np.stack([middle, middle**2], axis=1) / error[:, None]
    solution = np.linalg.lstsq(terms, (variance - floor) / error, rcond=None)[0]
    slope, slope_error = float(solution[0]), float(np.sqrt(np.linalg.inv(terms.T @ terms)[0, 0]))
    return SourceNoise(1.0 / slope if slope > 0 else float("nan"), slope / slope_error)


def _binned(left: Pixels, light: Pixels, scale: float, amplified: float) -> list[tuple[float, float, int]]:
    """Return light, variance of a pixel, and number of pixels in steps of light."""
    edges = np.geomspace(_LEAST_SIGMA * scale, _MOST_SIGMA * scale, _BINS + 1)
    order = np.digitize(light, edges)
    points = []
    for number in range(1, _BINS + 1):
        chosen = order == number
        if chosen.sum() >= _LEAST_PIXELS:
            variance = scatter(left[chosen]) ** 2 / amplified
            points.append((float(np.median(light[chosen])), variance, int(chosen.sum())))
    return points

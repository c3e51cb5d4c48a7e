"""The pattern of fringes that many exposures of the sky share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.calibration.exposure_stack import ExposureStack
from seechange_core.imaging.clipped_combination import CombinedStack, combine_stack
from seechange_core.imaging.robust import scatter

_ROUNDS = 3
_SMOOTHING_PIXELS = 1.0
_CLIP_SIGMA = 5.0


@dataclass(frozen=True)
class FringePattern:
    """A pattern with its strength in each exposure.

    Parameters
    ----------
    combined : CombinedStack
        The pattern: median 0, robust scatter 1.
    amplitudes : array of shape (n_exposures,)
        By which the pattern has to be multiplied to give the fringes of an exposure, in the exposures' unit.
    """

    combined: CombinedStack
    amplitudes: Floats


def fringe_pattern(exposures: ExposureStack, used: Sequence[int], skies: Floats) -> FringePattern:
    """Find the pattern of fringes and its amplitude in each exposure, by turns.

    Parameters
    ----------
    exposures : ExposureStack
        Flat-fielded, in electrons, smooth sky subtracted, sources hidden.
    used : sequence of int
        Which of them to use.
    skies : array of shape (n_exposures,)
        Level of the sky that was subtracted; the first guess is that amplitudes are proportional to it.

    Notes
    -----
    The pattern is smoothed by a Gaussian of 1 pixel sigma: fringes are wider, and its noise enters every image.
    """
    amplitudes = skies / np.median(skies[list(used)])
    for _ in range(_ROUNDS):
        factors = np.repeat((1.0 / amplitudes)[:, None], len(exposures.amplifiers), axis=1)
        combined = combine_stack(exposures, used, exposures.scaling(factors, skies))
        pattern = _smoothed(combined.data)
        amplitude = scatter(pattern[np.isfinite(pattern)])
        pattern = (pattern - np.float32(np.nanmedian(pattern))) / np.float32(amplitude)
        fitted = amplitudes.copy()
        fitted[list(used)] = _fitted(exposures, used, pattern)
        # An exposure in which the pattern is not found counts little.
        amplitudes = np.maximum(fitted, 0.05 * np.median(fitted[list(used)]))
    normalised = replace(
        combined,
        data=pattern,
        noise=combined.noise / amplitude,
        noise_expected=combined.noise_expected / amplitude,
    )
    return FringePattern(normalised, amplitudes[list(used)])


def _smoothed(data: Pixels) -> Pixels:
    known = np.isfinite(data)
    weight = gaussian_filter(known.astype(np.float32), _SMOOTHING_PIXELS)
    values = gaussian_filter(np.where(known, data, np.float32(0.0)), _SMOOTHING_PIXELS)
    return np.where(known, values / np.maximum(weight, np.float32(1e-6)), np.float32(np.nan))


def _fitted(exposures: ExposureStack, used: Sequence[int], pattern: Pixels) -> Floats:
    """Fit the pattern to each exposure by least squares, without pixels that neither noise nor pattern explain."""
    noise = [scatter(one[np.isfinite(one)]) for one in exposures.samples(used)]
    products, squares = np.zeros(len(used)), np.zeros(len(used))
    for rows, band in exposures.bands(used):
        shape = pattern[rows]
        for place, values in enumerate(band):
            usable = np.isfinite(values) & np.isfinite(shape) & (np.abs(values) < _CLIP_SIGMA * noise[place])
            products[place] += float(np.sum(values[usable] * shape[usable], dtype=np.float64))
            squares[place] += float(np.sum(shape[usable] ** 2, dtype=np.float64))
    return products / np.maximum(squares, 1e-30)

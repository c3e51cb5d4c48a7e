"""Gain, read noise and full well of amplifiers from pairs of flats: photon transfer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.order_statistics import median_of

_SIDE = 32
_CLIP_SIGMA = 4.0
#: Variance of a Gaussian cut off at 4 sigma.
_CLIPPED_VARIANCE = 0.998929
_SIGMA_OF_MAD = 1.4826022185056018
_BIN_FRACTION = 0.01
_TURNED_OVER = 0.7
_FITTED_PART = 0.9
#: A curvature is fitted only if the levels of the flats differ by this factor, and kept if it is so many errors large.
_RANGE_FOR_CURVATURE, _CURVATURE_SIGMA = 3.0, 4.0
_LEAST_SLOPE_SIGMA = 5.0
_ROUNDS = 10
_OUTLIER = 4.0


@dataclass(frozen=True)
class TransferPoints:
    """Mean and variance of blocks of 32 x 32 pixels.

    Parameters
    ----------
    mean, variance : array of shape (n,)
        ADU above the bias, and ADU^2 of a single exposure.
    """

    mean: Floats
    variance: Floats

    @classmethod
    def joined(cls, parts: Sequence[TransferPoints]) -> TransferPoints:
        """Return the points of several pairs."""
        return cls(
            np.concatenate([part.mean for part in parts]), np.concatenate([part.variance for part in parts])
        )


@dataclass(frozen=True)
class TransferCurve:
    """What photon transfer tells of an amplifier: ``variance = read noise^2 + mean / gain + curvature mean^2``.

    Parameters
    ----------
    gain, gain_error : float
        Electron per ADU.
    read_noise_electron : float
        Of a pixel.
    curvature : float
        Without unit; negative where charge repels charge (brighter-fatter effect); 0 where it was not fitted.
    full_well_adu : float
        Mean at which the variance turns over (ADU above the bias); NaN if no flat is that bright.
    full_well_error_adu : float
        Half the distance of the levels on both sides of it.
    brightest_adu : float
        Mean of the brightest blocks.
    bin_mean, bin_variance : array of shape (n_bins,)
        Medians of points in bins of the mean, for plots.
    """

    gain: float
    gain_error: float
    read_noise_electron: float
    curvature: float
    full_well_adu: float
    full_well_error_adu: float
    brightest_adu: float
    bin_mean: Floats
    bin_variance: Floats

    @property
    def full_well_electron(self) -> float:
        """The full well in electrons; NaN if it was not reached."""
        return self.full_well_adu * self.gain

    def variance_at(self, mean: Floats) -> Floats:
        """Return the variance (ADU^2) that the fit has at means (ADU)."""
        return (self.read_noise_electron / self.gain) ** 2 + mean / self.gain + self.curvature * mean**2


def pair_points(first: Pixels, second: Pixels) -> TransferPoints:
    """Measure the blocks of two exposures of the same light.

    Parameters
    ----------
    first, second : array of shape (ny, nx), float32
        One amplifier, without bias (ADU).

    Notes
    -----
    The second is scaled to the level of the first, block by block; the difference has no fixed pattern. With the ratio
    r of the levels its variance is (1 + r) times that of the photons in the first. Pixels beyond 4 sigma are left out.
    """
    mean, variance = _pair_points(first, second, _SIDE)
    known = np.isfinite(variance)
    return TransferPoints(mean[known], variance[known])


def read_variance(first: Pixels, second: Pixels) -> float:
    """Return the read noise of an amplifier squared (ADU^2), from two exposures without light."""
    # Shifting both by the same makes their ratio one.
    _, variance = _pair_points(first + np.float32(1e6), second + np.float32(1e6), _SIDE)
    return float(np.mean(_inliers(variance[np.isfinite(variance)])))


def fit_transfer(points: TransferPoints, read_noise_adu: float | None) -> TransferCurve:
    """Fit the photon-transfer curve of an amplifier.

    Parameters
    ----------
    points : TransferPoints
        Of all pairs of flats.
    read_noise_adu : float, optional
        Measured otherwise; fitted if None.

    Raises
    ------
    ValueError
        If the points do not tell a gain.

    Notes
    -----
    Janesick, Klaasen & Elliott (1987), Opt. Eng. 26, 972; the quadratic term after Astier et al. (2019), A&A 629, A36,
    eq. 20 to second order. The full well is where the variance falls below 0.7 of the fit to what is fainter.
    """
    bin_mean, bin_variance = _binned(points)
    limit = 0.4 * float(points.mean.max())
    fit, _ = _fit(_below(points, limit), read_noise_adu, curved=False)
    for _ in range(3):
        full_well, error = _turn_over(bin_mean, bin_variance, fit)
        limit = _FITTED_PART * (full_well if np.isfinite(full_well) else np.inf)
        chosen = _below(points, limit)
        fit, errors = _fit(chosen, read_noise_adu, curved=True)
        if abs(fit[2]) <= _CURVATURE_SIGMA * errors[1]:
            fit, errors = _fit(chosen, read_noise_adu, curved=False)
    constant, slope, curvature = fit
    if not slope > _LEAST_SLOPE_SIGMA * errors[0]:
        raise ValueError("the variance of the flats does not rise with their level: they tell no gain")
    gain = 1.0 / slope
    return TransferCurve(
        gain=gain,
        gain_error=errors[0] * gain**2,
        read_noise_electron=float(np.sqrt(max(constant, 0.0))) * gain,
        curvature=curvature,
        full_well_adu=full_well,
        full_well_error_adu=error,
        brightest_adu=float(np.percentile(points.mean, 99)),
        bin_mean=bin_mean,
        bin_variance=bin_variance,
    )


def _below(points: TransferPoints, limit: float) -> TransferPoints:
    fainter = points.mean < limit
    if not fainter.any():
        fainter = points.mean <= np.median(points.mean)
    return TransferPoints(points.mean[fainter], points.variance[fainter])


def _fit(
    points: TransferPoints, read_noise_adu: float | None, *, curved: bool
) -> tuple[tuple[float, float, float], tuple[float, float]]:
    """Return constant, slope and curvature, and the errors of the last two; outliers are left out."""
    fixed = 0.0 if read_noise_adu is None else read_noise_adu**2
    curved = curved and bool(points.mean.max() > _RANGE_FOR_CURVATURE * points.mean.min())
    terms = [points.mean, *([points.mean**2] if curved else [])]
    if read_noise_adu is None and points.mean.max() > 2.0 * points.mean.min():
        terms.insert(0, np.ones_like(points.mean))
    design, target = np.stack(terms, axis=1), points.variance - fixed
    error = np.maximum(points.variance, 1e-6)
    kept = np.ones(len(target), bool)
    solution = np.zeros(len(terms))
    for _ in range(_ROUNDS):
        weighted = design[kept] / error[kept, None]
        scale = np.sqrt((weighted**2).sum(axis=0))
        solution = np.linalg.lstsq(weighted / scale, target[kept] / error[kept], rcond=None)[0] / scale
        model = design @ solution + fixed
        # The error of a variance is proportional to the true variance, not to the measured one.
        error = np.maximum(model, 0.05 * np.median(np.abs(model)) + 1e-6)
        residual = (points.variance - model) / error
        usual = _SIGMA_OF_MAD * float(np.median(np.abs(residual[kept])))
        kept = np.abs(residual) <= _OUTLIER * usual
    covariance = np.linalg.pinv((design[kept] / error[kept, None]).T @ (design[kept] / error[kept, None]))
    errors = np.sqrt(np.diag(covariance)) * usual
    place = 1 if len(terms) == 2 + curved else 0
    constant = float(solution[0]) if place else fixed
    fit = constant, float(solution[place]), float(solution[-1]) if curved else 0.0
    return fit, (float(errors[place]), float(errors[-1]) if curved else 0.0)


def _binned(points: TransferPoints) -> tuple[Floats, Floats]:
    """Return medians of mean and variance in bins of a hundredth of the range."""
    number = np.floor(points.mean / (_BIN_FRACTION * points.mean.max())).astype(int)
    bins = np.unique(number)
    mean = np.array([np.median(points.mean[number == one]) for one in bins])
    variance = np.array([np.median(points.variance[number == one]) for one in bins])
    return mean, variance


def _turn_over(mean: Floats, variance: Floats, fit: tuple[float, float, float]) -> tuple[float, float]:
    """Return where the variance falls below a part of the fit, and half the gap there; NaN if it does not."""
    ratio = variance / np.maximum(fit[0] + fit[1] * mean + fit[2] * mean**2, 1e-6)
    bright = mean > 0.1 * mean.max()
    below = np.nonzero((ratio < _TURNED_OVER) & bright)[0]
    if not len(below) or below[0] == 0:
        return float("nan"), float("nan")
    last, first = below[0] - 1, below[0]
    part = (ratio[last] - _TURNED_OVER) / max(ratio[last] - ratio[first], 1e-6)
    gap = mean[first] - mean[last]
    return float(mean[last] + np.clip(part, 0.0, 1.0) * gap), float(0.5 * gap)


def _inliers(values: Floats) -> Floats:
    middle = np.median(values)
    return values[np.abs(values - middle) <= _OUTLIER * _SIGMA_OF_MAD * np.median(np.abs(values - middle))]


@numba.njit(cache=True)
def _pair_points(first: Pixels, second: Pixels, side: int) -> tuple[Floats, Floats]:
    ny, nx = first.shape
    my, mx = ny // side, nx // side
    means, variances = np.full(my * mx, np.nan), np.full(my * mx, np.nan)
    difference, work = np.empty(side * side, np.float32), np.empty(side * side, np.float32)
    for block in range(my * mx):
        y0, x0 = side * (block // mx), side * (block % mx)
        sums = np.zeros(2)
        for y in range(y0, y0 + side):
            for x in range(x0, x0 + side):
                sums[0] += first[y, x]
                sums[1] += second[y, x]
        if not (sums[0] > 0.0 and sums[1] > 0.0):
            continue
        ratio = sums[0] / sums[1]
        number = 0
        for y in range(y0, y0 + side):
            for x in range(x0, x0 + side):
                difference[number] = first[y, x] - ratio * second[y, x]
                work[number] = difference[number]
                number += 1
        middle = median_of(work, number)
        for place in range(number):
            work[place] = abs(difference[place] - middle)
        limit = _CLIP_SIGMA * _SIGMA_OF_MAD * median_of(work, number)
        total, squares, level, kept = 0.0, 0.0, 0.0, 0
        for place in range(number):
            offset = difference[place] - middle
            if abs(offset) <= limit:
                total += offset
                squares += offset * offset
                level += first[y0 + place // side, x0 + place % side]
                kept += 1
        if kept < number // 2:
            continue
        means[block] = level / kept
        variance = (squares - total * total / kept) / (kept - 1) / _CLIPPED_VARIANCE
        variances[block] = variance / (1.0 + ratio)
    return means, variances

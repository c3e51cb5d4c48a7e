"""The weighted mean of many images without values that their noise does not explain."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from seechange_core.frames import Box, Floats, Pixels
from seechange_core.imaging.frame_stack import FrameStack
from seechange_core.imaging.order_statistics import median_of
from seechange_core.imaging.robust import scatter

#: A pixel of a Gaussian is lost once in 16,000.
_CLIP_SIGMA = 4.0
_STATISTICS_PIXELS = 200_000
_RATIO_LIMITS = (0.3, 10.0)


@dataclass(frozen=True)
class StackScaling:
    """How the images of a stack are brought to one scale, and their noise there.

    The variance of a scaled value is ``constant + slope * max(value, 0)``.

    Parameters
    ----------
    boxes : sequence of Box
        Amplifiers; all pixels of one are scaled alike.
    factor, constant, slope : array of shape (n_images, n_boxes)
        Each image is multiplied by its factor; the unit of the variance is that of the product, squared.
    """

    boxes: Sequence[Box]
    factor: Floats
    constant: Floats
    slope: Floats

    def rows(self, chosen: Sequence[int]) -> StackScaling:
        """Return the scaling of some of the images."""
        index = list(chosen)
        return StackScaling(self.boxes, self.factor[index], self.constant[index], self.slope[index])


@dataclass(frozen=True)
class CombinedStack:
    """What a stack of images became.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        NaN where no image has a value.
    noise, noise_expected : float
        Of a pixel, from the difference of two halves of the images, and what the noise of the images lets expect.
        The first is NaN if there is one image only.
    noise_ratio : float
        By how much the noise of single images exceeds the expected one; the clipping allows for it.
    clipped_fraction : float
        Of all values.
    """

    data: Pixels
    noise: float
    noise_expected: float
    noise_ratio: float
    clipped_fraction: float


def combine_stack(stack: FrameStack, chosen: Sequence[int], scaling: StackScaling) -> CombinedStack:
    """Return the mean, weighted by inverse variance, of all values within 4 sigma of the median of their pixel.

    Of two values that contradict each other the lower one is kept: a cosmic ray only adds.

    Parameters
    ----------
    stack : FrameStack
        Images before scaling.
    chosen : sequence of int
        Which of them to use; at least one.
    scaling : StackScaling
        Of all images of the stack.
    """
    used = scaling.rows(chosen)
    ratio = _noise_ratio(stack, chosen, used)
    data = np.full(stack.shape, np.nan, np.float32)
    halves, expected, counts = [], [], np.zeros(2, np.int64)
    step = max(1, stack.shape[0] * stack.shape[1] // _STATISTICS_PIXELS)
    for rows, band in stack.bands(chosen):
        for number, box in enumerate(used.boxes):
            y0, y1 = max(rows.start, box.y0), min(rows.stop, box.y1)
            if y0 >= y1:
                continue
            part = np.ascontiguousarray(band[:, y0 - rows.start : y1 - rows.start, box.x0 : box.x1])
            factor, constant, slope = (
                terms[:, number].astype(np.float32)
                for terms in (used.factor, ratio**2 * used.constant, ratio**2 * used.slope)
            )
            mean, variance, half, kept = _combine(part, factor, constant, slope, np.float32(_CLIP_SIGMA))
            data[y0:y1, box.x0 : box.x1] = mean
            halves.append(half.ravel()[::step])
            expected.append(variance.ravel()[::step])
            counts += kept
    known = np.concatenate(expected) / np.float32(ratio**2)
    # Amplifiers may differ in noise: their mean counts, and how far the differences of halves exceed what each has.
    sigma = np.sqrt(np.minimum(known, 4.0 * np.nanmedian(known)))
    usual = float(np.nanmean(sigma))
    pulls = np.concatenate(halves) / sigma
    return CombinedStack(
        data,
        noise=usual * scatter(pulls[np.isfinite(pulls)]),
        noise_expected=usual,
        noise_ratio=ratio,
        clipped_fraction=float(1.0 - counts[1] / max(counts[0], 1)),
    )


def noise_in_scaling(stack: FrameStack, chosen: Sequence[int], scaling: StackScaling) -> Pixels:
    """Return the sampled pixels of the chosen images, scaled, in units of their expected noise about the median.

    Parameters
    ----------
    scaling : StackScaling
        Of the chosen images.

    Returns
    -------
    array of shape (len(chosen), n)
    """
    values = stack.samples(chosen)
    y, x = np.divmod(stack.sampled, stack.shape[1])
    variance = np.full(values.shape, np.nan, np.float32)
    for number, box in enumerate(scaling.boxes):
        inside = (y >= box.y0) & (y < box.y1) & (x >= box.x0) & (x < box.x1)
        values[:, inside] *= scaling.factor[:, number, None].astype(np.float32)
        level = np.maximum(_nan_median(values[:, inside]), 0.0)
        variance[:, inside] = scaling.constant[:, number, None] + scaling.slope[:, number, None] * level
    return np.asarray((values - _nan_median(values)) / np.sqrt(variance), np.float32)


def _nan_median(values: Pixels) -> Pixels:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        middle: Pixels = np.nanmedian(values, axis=0)
    return middle


def _noise_ratio(stack: FrameStack, chosen: Sequence[int], scaling: StackScaling) -> float:
    """Return the noise of the images relative to the expected one, from differences of successive images."""
    if len(chosen) == 1:
        return 1.0
    difference = np.diff(noise_in_scaling(stack, chosen, scaling), axis=0) / math.sqrt(2.0)
    ratio = scatter(difference[np.isfinite(difference)])
    return float(np.clip(ratio, *_RATIO_LIMITS)) if math.isfinite(ratio) else 1.0


@numba.njit(cache=True)
def _combine(
    band: Pixels, factor: Pixels, constant: Pixels, slope: Pixels, clip: np.float32
) -> tuple[Pixels, Pixels, Pixels, tuple[int, int]]:
    """Combine (n, rows, columns); return mean, its variance, the noise of the mean from halves, counts of values."""
    n_images, n_rows, n_columns = band.shape
    mean = np.full((n_rows, n_columns), np.nan, np.float32)
    mean_variance = np.full((n_rows, n_columns), np.nan, np.float32)
    noise = np.full((n_rows, n_columns), np.nan, np.float32)
    values, sorted_values = np.empty(n_images, np.float32), np.empty(n_images, np.float32)
    index = np.empty(n_images, np.int64)
    n_values, n_kept = 0, 0
    limit = clip * clip
    for y in range(n_rows):
        for x in range(n_columns):
            number = 0
            for image in range(n_images):
                value = band[image, y, x] * factor[image]
                if np.isfinite(value):
                    values[number], sorted_values[number], index[number] = value, value, image
                    number += 1
            if number == 0:
                continue
            middle = median_of(sorted_values, number)
            level = max(middle, np.float32(0.0))
            if number == 2:
                both = constant[index[0]] + constant[index[1]] + (slope[index[0]] + slope[index[1]]) * level
                if (values[0] - values[1]) ** 2 > limit * both:
                    middle = min(values[0], values[1])
            weight_even, weight_odd, total_even, total_odd = 0.0, 0.0, 0.0, 0.0
            for place in range(number):
                image = index[place]
                variance = constant[image] + slope[image] * level
                offset = values[place] - middle
                if offset * offset <= limit * variance:
                    if place % 2:
                        weight_odd += 1.0 / variance
                        total_odd += offset / variance
                    else:
                        weight_even += 1.0 / variance
                        total_even += offset / variance
                    n_kept += 1
            n_values += number
            weight = weight_even + weight_odd
            if weight == 0.0:
                mean[y, x] = middle
                continue
            mean[y, x] = middle + (total_even + total_odd) / weight
            mean_variance[y, x] = 1.0 / weight
            if weight_even > 0.0 and weight_odd > 0.0:
                difference = total_even / weight_even - total_odd / weight_odd
                noise[y, x] = difference * np.sqrt(weight_even * weight_odd) / weight
    return mean, mean_variance, noise, (n_values, n_kept)

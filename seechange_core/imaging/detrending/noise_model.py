"""The variance of pixels as a model: sky, read noise, the light of sources, and the noise of calibration frames.

It never contains the noisy pixel itself: that would bias fluxes weighted with it by some per cent (Horne 1986,
PASP 98, 609).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Box, Pixels
from seechange_core.imaging.background.sky_blocks import SkyBlocks, interpolated_row

_REACH = 3
_WIDE_AREA = np.float32(49.0)
_SIGNIFICANT = np.float32(3.0)
#: A response below this would make the variance of a dead, and masked, pixel explode.
_LEAST_RESPONSE = np.float32(0.05)


@dataclass(frozen=True)
class ReadOutNoise:
    """Noise that does not depend on the light.

    Parameters
    ----------
    boxes : sequence of Box
        Of the amplifiers.
    variances : sequence of float
        Of each (electron^2): read noise, noise of the bias frame.
    dark : array of shape (ny, nx) or None
        What the dark current adds (electron^2).
    """

    boxes: Sequence[Box]
    variances: Sequence[float]
    dark: Pixels | None = None


def raw_variance(
    data: Pixels,
    usable: NDArray[np.bool_],
    sky: SkyBlocks,
    read_out: ReadOutNoise,
    response: Pixels | None,
    flat_noise: float,
) -> Pixels:
    """Model the variance of pixels that were divided by a response.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Electrons, corrected.
    usable : bool array of the same shape
        Others tell nothing about the light around them.
    sky : SkyBlocks
        Level of the sky (electron).
    read_out : ReadOutNoise
        As it was before the division.
    response : array of shape (ny, nx) or None
        What the pixels were divided by.
    flat_noise : float
        Standard deviation of the response's own noise in a pixel.

    Returns
    -------
    array of shape (ny, nx), float32
        With sky s, light l, response f and its noise n, read-out variance r (electron^2)::

            (s + l) / f + r / f^2 + n^2 (s + l)^2 / f^2

    Notes
    -----
    The light of sources is estimated from the pixels around each: a quadratic surface through the 24 neighbours where
    that is significant, else the mean of 7 x 7 pixels where that is, else 0. Across unusable pixels the light is
    interpolated along the row.
    """
    boxes = np.array([(box.y0, box.y1, box.x0, box.x1) for box in read_out.boxes], np.int64)
    variances = np.array(read_out.variances, np.float32)
    nothing = np.ones((1, 1), np.float32)
    dark = nothing if read_out.dark is None else read_out.dark
    divided = nothing if response is None else response
    a, b = _QUADRATIC
    return _raw_variance(
        data, usable, sky.level, sky.y_middle, sky.x_middle, boxes, variances, dark, divided,
        np.float32(flat_noise), a, b,
    )  # fmt: skip


def measured_variance(data: Pixels, usable: NDArray[np.bool_], sky: SkyBlocks) -> Pixels:
    """Return the measured scatter of the sky squared plus the light of sources (electron^2).

    For images whose sky was subtracted by others, so that its level tells nothing about its noise. Arguments and
    light of sources as in `raw_variance`.
    """
    a, b = _QUADRATIC
    return _measured_variance(data, usable, sky.level, sky.scatter, sky.y_middle, sky.x_middle, a, b)


def quadratic_weights() -> tuple[np.float32, np.float32]:
    """Return a and b: weights a + b (x^2 + y^2) of the 24 neighbours give a fitted quadratic's value in the middle."""
    y, x = (grid.ravel() for grid in np.mgrid[-2:3, -2:3])
    around = (x != 0) | (y != 0)
    terms = np.stack([np.ones(25), x, y, x * x, x * y, y * y], axis=1)[around]
    weights = np.linalg.pinv(terms)[0]
    radius2 = (x**2 + y**2)[around]
    near, far = weights[radius2 == 1][0], weights[radius2 == 8][0]
    b = (far - near) / 7.0
    return np.float32(near - b), np.float32(b)


_QUADRATIC = quadratic_weights()


@njit(cache=True, error_model="numpy")
def _raw_variance(
    data: Pixels,
    usable: NDArray[np.bool_],
    level: Pixels,
    y_middle: Pixels,
    x_middle: Pixels,
    boxes: NDArray[np.int64],
    variances: Pixels,
    dark: Pixels,
    response: Pixels,
    flat_noise: np.float32,
    a: np.float32,
    b: np.float32,
) -> Pixels:
    ny, nx = data.shape
    variance = np.empty((ny, nx), np.float32)
    excess = np.zeros((2 * _REACH + 2, nx + 2 * _REACH), np.float32)
    sums = np.empty((3, nx + 2 * _REACH), np.float32)
    sky, quiet, read_out = np.empty(nx, np.float32), np.empty(nx, np.float32), np.zeros(nx, np.float32)
    inverse = np.ones(nx, np.float32)
    light = np.empty(nx, np.float32)
    flat2 = flat_noise * flat_noise
    filled = -1
    for y in range(ny):
        filled = _fill_ahead(data, usable, level, y_middle, x_middle, excess, sky, filled, y)
        interpolated_row(level, y_middle, x_middle, y, sky)
        for amplifier in range(len(boxes)):
            if boxes[amplifier, 0] <= y < boxes[amplifier, 1]:
                read_out[boxes[amplifier, 2] : boxes[amplifier, 3]] = variances[amplifier]
        if response.shape[0] > 1:
            for x in range(nx):
                inverse[x] = np.float32(1.0) / max(response[y, x], _LEAST_RESPONSE)
        for x in range(nx):
            sky[x] = max(sky[x], np.float32(0.0))
            own = read_out[x] + (dark[y, x] if dark.shape[0] > 1 else np.float32(0.0))
            quiet[x] = own * inverse[x] * inverse[x]
            variance[y, x] = sky[x] * inverse[x] + quiet[x]
        _light_of_row(excess, y, ny, variance[y], sums, light, a, b)
        for x in range(nx):
            total = sky[x] + light[x]
            scaled = total * inverse[x]
            variance[y, x] = scaled + quiet[x] + flat2 * scaled * scaled
    return variance


@njit(cache=True, error_model="numpy")
def _measured_variance(
    data: Pixels,
    usable: NDArray[np.bool_],
    level: Pixels,
    scatter: Pixels,
    y_middle: Pixels,
    x_middle: Pixels,
    a: np.float32,
    b: np.float32,
) -> Pixels:
    ny, nx = data.shape
    variance = np.empty((ny, nx), np.float32)
    excess = np.zeros((2 * _REACH + 2, nx + 2 * _REACH), np.float32)
    sums = np.empty((3, nx + 2 * _REACH), np.float32)
    row, light = np.empty(nx, np.float32), np.empty(nx, np.float32)
    filled = -1
    for y in range(ny):
        filled = _fill_ahead(data, usable, level, y_middle, x_middle, excess, row, filled, y)
        interpolated_row(scatter, y_middle, x_middle, y, row)
        for x in range(nx):
            variance[y, x] = row[x] * row[x]
        _light_of_row(excess, y, ny, variance[y], sums, light, a, b)
        for x in range(nx):
            variance[y, x] += light[x]
    return variance


@njit(cache=True, error_model="numpy")
def _fill_ahead(
    data: Pixels,
    usable: NDArray[np.bool_],
    level: Pixels,
    y_middle: Pixels,
    x_middle: Pixels,
    excess: Pixels,
    row: Pixels,
    filled: int,
    y: int,
) -> int:
    """Fill the ring of rows above the sky up to the reach below row `y`; return the last row that is in it."""
    ny, nx = data.shape
    while filled < min(y + _REACH, ny - 1):
        filled += 1
        interpolated_row(level, y_middle, x_middle, filled, row)
        target = excess[filled % len(excess)]
        gaps = False
        for x in range(nx):
            target[x + _REACH] = data[filled, x] - row[x]
            gaps |= not usable[filled, x]
        if gaps:
            _bridge(target, usable[filled])
        target[:_REACH] = target[_REACH]
        target[nx + _REACH :] = target[nx + _REACH - 1]
    return filled


@njit(cache=True, error_model="numpy")
def _bridge(target: Pixels, usable: NDArray[np.bool_]) -> None:
    """Interpolate a padded row linearly across its unusable pixels; constant at the ends, 0 if all are unusable."""
    nx = len(usable)
    x = 0
    while x < nx:
        if usable[x]:
            x += 1
            continue
        end = x
        while end < nx and not usable[end]:
            end += 1
        before = target[x - 1 + _REACH] if x > 0 else np.float32(0.0)
        after = target[end + _REACH] if end < nx else before
        if x == 0:
            before = after
        step = (after - before) / np.float32(end - x + 1)
        for i in range(x, end):
            target[i + _REACH] = before + step * np.float32(i - x + 1)
        x = end


@njit(cache=True, error_model="numpy")
def _light_of_row(
    excess: Pixels,
    y: int,
    ny: int,
    sky_variance: Pixels,
    sums: Pixels,
    light: Pixels,
    a: np.float32,
    b: np.float32,
) -> None:
    """Write the light of sources along a row (electron)."""
    size, nx = len(excess), len(light)
    rows = [excess[min(max(y + dy, 0), ny - 1) % size] for dy in range(-_REACH, _REACH + 1)]
    r0, r1, r2, r3, r4, r5, r6 = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6]
    five, second, seven = sums[0], sums[1], sums[2]
    four = np.float32(4.0)
    for x in range(nx + 2 * _REACH):
        beside = r2[x] + r4[x]
        outer = r1[x] + r5[x]
        five[x] = beside + outer + r3[x]
        second[x] = beside + four * outer
        seven[x] = five[x] + r0[x] + r6[x]
    # Sum of the squared weights: the variance of the fitted value in units of the pixels' variance, and 3 sigma of it.
    weights2 = np.float32(0.0)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            if dx != 0 or dy != 0:
                weights2 += (a + b * np.float32(dx * dx + dy * dy)) ** 2
    close_limit2 = _SIGNIFICANT * _SIGNIFICANT * weights2
    wide_limit2 = _SIGNIFICANT * _SIGNIFICANT / _WIDE_AREA
    for x in range(nx):
        p = x + _REACH
        wide = (
            seven[p - 3] + seven[p - 2] + seven[p - 1] + seven[p] + seven[p + 1] + seven[p + 2] + seven[p + 3]
        )
        wide /= _WIDE_AREA
        sides, ends = five[p - 1] + five[p + 1], five[p - 2] + five[p + 2]
        flat = sides + ends + five[p]
        curved = (
            second[p - 2] + second[p - 1] + second[p] + second[p + 1] + second[p + 2] + sides + four * ends
        )
        close = a * (flat - r3[p]) + b * curved
        found = wide if wide > 0 and wide * wide > wide_limit2 * sky_variance[x] else np.float32(0.0)
        light[x] = close if close > 0 and close * close > close_limit2 * sky_variance[x] else found

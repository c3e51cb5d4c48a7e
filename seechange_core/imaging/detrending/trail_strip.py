"""The pixels on both sides of a line, and whether they hold a trail."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import rankdata

from seechange_core.frames import Mask, Pixels
from seechange_core.frames.mask import MASK_DTYPE, UNUSABLE
from seechange_core.imaging.background.sky_mesh import SkyMesh
from seechange_core.imaging.detrending.line_transform import Segment

#: Pixels along the line whose median is taken, so that stars on it do not count.
CHUNK = 16
REACH = 60
#: Enough to place a line that is off by a few pixels.
NARROW_REACH = 30
_SIDE_FROM = 30
_SIGMA_OF_MAD = 1.4826
_LIT_SIGMA = 3.0
_LEAST_LIT = 0.3
_LEAST_FLASHES = 4
_LEAST_STEADY = 0.6
_FALLS_OFF = -0.6
_SHIFT = 12
_FAINTEST_SIGMA = 0.1
_MAY_BE_LIT = 0.6


@dataclass(frozen=True)
class Strip:
    """Medians of chunks of pixels on lines parallel to a segment.

    Parameters
    ----------
    line : Segment
        In the middle.
    brightness : array of shape (n_chunks, n_offsets), float32
        Sigma of the sky; NaN where less than half of a chunk is known.
    """

    line: Segment
    brightness: Pixels

    @property
    def length(self) -> float:
        """Of the line (pixel)."""
        return math.hypot(self.line.x1 - self.line.x0, self.line.y1 - self.line.y0)

    def part(self, start: float, end: float, shift_start: float = 0.0, shift_end: float = 0.0) -> Segment:
        """Return the segment from one distance along the line to another (pixel), its ends shifted across it."""
        line = self.line
        cosine, sine = (line.x1 - line.x0) / self.length, (line.y1 - line.y0) / self.length
        return Segment(
            line.x0 + start * cosine - shift_start * sine,
            line.y0 + start * sine + shift_start * cosine,
            line.x0 + end * cosine - shift_end * sine,
            line.y0 + end * sine + shift_end * cosine,
            line.score,
        )


def cut_strip(data: Pixels, mask: Mask, sky: SkyMesh, line: Segment, reach: int = REACH) -> Strip:
    """Measure the strip on both sides of a line, up to a distance (pixel)."""
    brightness = _chunk_medians(
        data,
        mask,
        MASK_DTYPE(UNUSABLE),
        (sky.level, sky.sigma),
        sky.cell,
        (line.x0, line.y0, line.x1, line.y1),
        reach,
    )
    return Strip(line, brightness)


def straightened(strip: Strip) -> Segment:
    """Return the line through the strip on which its brightness is highest, for a first line off by a few pixels."""
    reach = strip.brightness.shape[1] // 2
    above = np.clip(_above_base(strip), -1.0, 2.0)
    middle = above[:, reach - _SHIFT - 1 : reach + _SHIFT + 2]
    smooth = np.ascontiguousarray(sliding_window_view(middle, 3, axis=1).mean(axis=2))
    first, last = _best_ends(smooth)
    return strip.part(0.0, strip.length, first - _SHIFT, last - _SHIFT)


def centred(strip: Strip) -> Segment:
    """Return the line midway between the half maxima of a trail, which may be wide, in both halves of the strip."""
    above, half = _above_base(strip), len(strip.brightness) // 2
    first, last = (_middle(np.median(part, axis=0)) for part in (above[:half], above[half:]))
    return strip.part(0.0, strip.length, 1.5 * first - 0.5 * last, 1.5 * last - 0.5 * first)


def may_be_lit(strip: Strip) -> bool:
    """Return whether a fifth of the chunks is brighter in the middle than beside it by more than noise explains."""
    reach = strip.brightness.shape[1] // 2
    smooth = sliding_window_view(_above_base(strip), 3, axis=1).mean(axis=2)
    return bool((smooth[:, reach - 2 : reach + 1].max(axis=1) > _MAY_BE_LIT).mean() > 0.2)


def _above_base(strip: Strip) -> Pixels:
    known = np.nan_to_num(strip.brightness)
    return known - np.quantile(known, 0.3, axis=1).astype(np.float32)[:, None]


def _middle(profile: Pixels) -> float:
    reach = len(profile) // 2
    peak = profile[reach - 1 : reach + 2].mean()
    if peak < 2.0 * _FAINTEST_SIGMA:
        return 0.0
    below = profile < 0.5 * peak
    right, left = (int(np.argmax(side)) if side.any() else 0 for side in (below[reach:], below[reach::-1]))
    return 0.5 * (right - left)


@dataclass(frozen=True)
class Verdict:
    """What a strip holds.

    Parameters
    ----------
    is_trail : bool
    lit : Segment or None
        Where light was found along the line.
    half_width : float
        How far it reaches to both sides (pixel).
    gap : float
        Longest dark piece within (pixel).
    """

    is_trail: bool
    lit: Segment | None = None
    half_width: float = 0.0
    gap: float = 0.0


def judged(strip: Strip, shortest: float) -> Verdict:
    """Decide whether there is a trail along the middle of a strip.

    Parameters
    ----------
    strip : Strip
    shortest : float
        Trails are at least as long (pixel).

    Notes
    -----
    A trail is lit along a good part of its length, while stars light single chunks, as many on the line as beside it.
    Its light is steady or comes in flashes that are alike, while that of a diffraction spike or of a galaxy seen from
    its edge falls off from one point. Along the columns or rows of the detector a line as thin as one pixel, or
    with full pixels in it, is the detector's own.
    """
    offsets = np.arange(-REACH, REACH + 1)
    left, right = offsets <= -_SIDE_FROM, offsets >= _SIDE_FROM
    with np.errstate(all="ignore"):
        sides = np.fmax(_median(strip.brightness[:, left]), _median(strip.brightness[:, right]))
        above = strip.brightness - sides[:, None]
        profile = np.nan_to_num(_mean(np.clip(above, -5.0, 5.0).T))
        half = _half_maximum(profile)
        window = np.abs(offsets) <= half
        amplitude = _mean(above[:, window])
        beside = _windows_beside(above, left | right, 2 * half + 1)
    known = np.isfinite(amplitude)
    usual = beside[np.isfinite(beside)]
    if known.sum() * CHUNK < shortest or usual.size < known.sum():
        return Verdict(False)
    sigma = max(
        float(_SIGMA_OF_MAD * np.median(np.abs(usual - np.median(usual)))),
        1.25 / math.sqrt(CHUNK * (2 * half + 1)),
    )
    lit = amplitude > _LIT_SIGMA * sigma
    by_chance = float((usual > _LIT_SIGMA * sigma).mean())
    least = by_chance + _LEAST_LIT * (1.0 - by_chance)
    start, end = _best_run(np.where(known, np.where(lit, 1.0 - least, -least), 0.0))
    run = slice(start, end)
    segment = strip.part(start * CHUNK, end * CHUNK)
    if end - start < shortest / CHUNK:
        return Verdict(False, segment)
    shining = lit[run] & known[run]
    enough = shining.sum() > (least + 0.1) * known[run].sum()
    width = _reach_of_light(above[run][shining])
    like_trail = _like_trail(amplitude[run], shining) and not _falls_off(amplitude[run])
    is_trail = enough and like_trail and not _is_of_detector(segment, strip, run, profile)
    return Verdict(bool(is_trail), segment, width, CHUNK * _longest_gap(shining))


def _mean(values: Pixels) -> Pixels:
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)


def _median(values: Pixels) -> Pixels:
    return np.asarray(np.median(values, axis=1), np.float32)


def _half_maximum(profile: Pixels) -> int:
    """Return how far the profile stays above half of its peak, which lies in the middle."""
    peak = profile[REACH - 1 : REACH + 2].max()
    below = profile < 0.5 * peak
    out = [int(np.argmax(side)) for side in (below[REACH:], below[REACH::-1])]
    return int(np.clip(max(out) - 1, 1, _SIDE_FROM // 2))


def _windows_beside(above: Pixels, beside: NDArray[np.bool_], size: int) -> Pixels:
    columns = np.flatnonzero(beside)
    starts = [int(c) for c in columns[::size] if c + size <= len(beside) and beside[c : c + size].all()]
    return np.stack([above[:, c : c + size].mean(axis=1) for c in starts], axis=1)


def _best_run(weight: Pixels) -> tuple[int, int]:
    """Return where the sum over a run of elements is highest (Kadane's algorithm)."""
    best, total, start, run = 0.0, 0.0, 0, (0, 0)
    for i, value in enumerate(weight):
        total += value
        if total <= 0.0:
            total, start = 0.0, i + 1
        elif total > best:
            best, run = total, (start, i + 1)
    return run


def _like_trail(amplitude: Pixels, shining: NDArray[np.bool_]) -> bool:
    """Return whether the light is steady, or comes in flashes that are alike."""
    usual = float(np.median(amplitude[shining]))
    known = amplitude[np.isfinite(amplitude)]
    if (np.abs(known - usual) < 0.5 * usual).mean() > _LEAST_STEADY:
        return True
    bright = np.concatenate([[False], amplitude > 0.5 * usual, [False]])
    edges = np.flatnonzero(np.diff(bright.astype(np.int8)))
    peaks = np.array([amplitude[start:end].max() for start, end in zip(edges[::2], edges[1::2], strict=True)])
    alike = np.abs(np.log2(peaks / np.median(peaks))) < 1.0
    return bool(alike.sum() >= _LEAST_FLASHES and alike.mean() > _LEAST_STEADY)


def _falls_off(amplitude: Pixels) -> bool:
    """Return whether the light falls with the distance from some point, as that of a spike or of a galaxy does."""
    where = np.flatnonzero(np.isfinite(amplitude))
    values = rankdata(median_filter(amplitude[where], 3, mode="nearest"))
    values = (values - values.mean()) / max(float(values.std()), 1e-6)
    lowest = 1.0
    for middle in np.linspace(0.0, len(amplitude) - 1.0, 25):
        distance = rankdata(np.abs(where - middle))
        lowest = min(lowest, float((values * (distance - distance.mean())).mean() / distance.std()))
    return lowest < _FALLS_OFF


def _longest_gap(shining: NDArray[np.bool_]) -> int:
    return int(np.diff(np.flatnonzero(shining), prepend=0).max(initial=1)) - 1


def _is_of_detector(segment: Segment, strip: Strip, run: slice, profile: Pixels) -> bool:
    dx, dy = abs(segment.x1 - segment.x0), abs(segment.y1 - segment.y0)
    if min(dx, dy) > 3.0:
        return False
    peak = profile[REACH - 1 : REACH + 2].max()
    thin = int((profile[REACH - 6 : REACH + 7] > 0.5 * peak).sum()) < 2
    full = np.isnan(strip.brightness[run, REACH - 3 : REACH + 4]).any(axis=1).sum()
    return bool(thin or full > 2)


def _reach_of_light(above: Pixels) -> float:
    """Return up to which distance from the line the stacked profile of its lit chunks shows light."""
    if not len(above):
        return 0.0
    with np.errstate(all="ignore"):
        profile = np.nan_to_num(np.nanmedian(above, axis=0))
    far = profile[np.abs(np.arange(-REACH, REACH + 1)) >= _SIDE_FROM + 15]
    noise = max(float(far.std()), 1.25**2 / math.sqrt(CHUNK * len(above)))
    level = float(np.median(far))
    dark = profile < level + max(_FAINTEST_SIGMA, 2.0 * noise)
    reach = 0
    for side in (dark[REACH:], dark[REACH::-1]):
        both = side[:-1] & side[1:]
        reach = max(reach, int(np.argmax(both)) if both.any() else REACH)
    return float(reach)


@njit(cache=True)
def _chunk_medians(
    data: Pixels,
    mask: Mask,
    unusable: np.uint16,
    sky: tuple[Pixels, Pixels],
    cell: tuple[float, float],
    line: tuple[float, float, float, float],
    reach: int,
) -> Pixels:
    ny, nx = data.shape
    x0, y0, x1, y1 = line
    length = np.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2)
    cosine, sine = (x1 - x0) / length, (y1 - y0) / length
    n_chunks = int(length / CHUNK)
    result = np.full((n_chunks, 2 * reach + 1), np.nan, np.float32)
    values = np.empty((CHUNK, 2 * reach + 1), np.float32)
    number = np.zeros(2 * reach + 1, np.int64)
    my, mx = sky[0].shape
    for chunk in range(n_chunks):
        number[:] = 0
        along = (chunk + 0.5) * CHUNK
        j = min(max(int((y0 + along * sine) / cell[0]), 0), my - 1)
        i = min(max(int((x0 + along * cosine) / cell[1]), 0), mx - 1)
        level, scale = sky[0][j, i], np.float32(1.0) / sky[1][j, i]
        for step in range(CHUNK):
            x_start = x0 + (chunk * CHUNK + step) * cosine + reach * sine + 0.5
            y_start = y0 + (chunk * CHUNK + step) * sine - reach * cosine + 0.5
            for o in range(2 * reach + 1):
                x, y = int(np.floor(x_start - o * sine)), int(np.floor(y_start + o * cosine))
                values[step, o] = np.inf
                if 0 <= x < nx and 0 <= y < ny and not mask[y, x] & unusable:
                    values[step, o] = (data[y, x] - level) * scale
                    number[o] += 1
        _sort_columns(values)
        for o in range(2 * reach + 1):
            n = number[o]
            if n >= CHUNK // 2:
                result[chunk, o] = np.float32(0.5) * (values[(n - 1) // 2, o] + values[n // 2, o])
    return result


@njit(cache=True)
def _sort_columns(values: Pixels) -> None:
    """Sort each column in place, all at once (Batcher 1968, AFIPS 32, 307; the number of rows is a power of two)."""
    rows, columns = values.shape
    group = 1
    while group < rows:
        step = group
        while step >= 1:
            for first in range(step % group, rows - step, 2 * step):
                for i in range(min(step, rows - first - step)):
                    a, b = first + i, first + i + step
                    if a // (2 * group) == b // (2 * group):
                        upper, lower = values[a], values[b]
                        for column in range(columns):
                            one, other = upper[column], lower[column]
                            upper[column] = min(one, other)
                            lower[column] = max(one, other)
            step //= 2
        group *= 2


@njit(cache=True)
def _best_ends(brightness: Pixels) -> tuple[int, int]:
    """Return the offsets at both ends of the straight line with the highest sum."""
    n_chunks, n_offsets = brightness.shape
    best, ends = np.float32(-1e30), (0, 0)
    for first in range(n_offsets):
        for last in range(n_offsets):
            slope = (last - first) / max(n_chunks - 1, 1)
            total = np.float32(0.0)
            for chunk in range(n_chunks):
                total += brightness[chunk, int(first + slope * chunk + 0.5)]
            if total > best:
                best, ends = total, (first, last)
    return ends

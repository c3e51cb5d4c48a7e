"""Finding which detected sources are which stars of a catalogue, from a first guess of the sky mapping.

The differences of all pairs of bright sources and stars are counted in a histogram on the tangent plane, where
the true offset stands out as a peak. Where rotation or scale are wrong too, or the image is mirrored, the vote is
repeated over a grid of those. What is found has to pass a test against chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numba
import numpy as np

from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.mapping import project
from seechange_core.imaging.pairing import Index, mutual_pairs
from seechange_core.imaging.tan_sip import as_tan_sip, sip_degree

_BRIGHTEST = 150
#: Sources that vote where rotation and scale are searched for too.
_BRIGHTEST_IN_SEARCH = 70
_BINS_PER_SIDE = 230.0
_ROTATION_DEG = 3.0
_SCALE = 0.03
_CERTAIN_LOG10 = -9.0
_AFFINE_PAIRS = 3


@dataclass(frozen=True)
class StarMatch:
    """Pairs of sources and stars, and the mapping that joined them.

    Parameters
    ----------
    sources, stars : index arrays of equal length
        Rows.
    mapping : SkyMapping
        The first mapping, moved, turned and stretched to the stars.
    offset_arcsec : float
        How far the image's centre moved.
    rotation_deg, scale : float
        How much it turned, and the factor on its pixel scale.
    mirrored : bool
        Whether the first mapping had the wrong parity.
    log10_chance : float
        Of the probability that so many pairs come about by chance anywhere in the searched space.
    """

    sources: Index
    stars: Index
    mapping: SkyMapping
    offset_arcsec: float
    rotation_deg: float
    scale: float
    mirrored: bool
    log10_chance: float


def match_stars(
    x: Floats,
    y: Floats,
    flux: Floats,
    ra: Floats,
    dec: Floats,
    magnitude: Floats,
    first: SkyMapping,
    shape: tuple[int, int],
    *,
    max_offset_arcsec: float,
    final_radius: float = 2.0,
) -> StarMatch:
    """Match sources to catalogue stars.

    Parameters
    ----------
    x, y, flux : array of shape (n,)
        Sources: position (pixel) and brightness.
    ra, dec, magnitude : array of shape (m,)
        Stars at the epoch of the image (deg, mag).
    first : SkyMapping
        Off by up to `max_offset_arcsec`, 3 degrees and 3 % in scale, possibly mirrored.
    shape : tuple of int
        Rows and columns of the image.
    max_offset_arcsec : float
        To search.
    final_radius : float
        Within which pairs count in the end (pixel).

    Returns
    -------
    StarMatch
        Possibly without pairs. The caller judges ``log10_chance``.
    """
    centre = _Centre(first, shape)
    bright = np.argsort(-flux, kind="stable")[:_BRIGHTEST]
    u, v = centre.of_pixels(x, y)
    p, q = centre.of_sky(ra, dec)
    reach = max_offset_arcsec / centre.scale_arcsec
    half_y, half_x = 0.5 * shape[0] + reach, 0.5 * shape[1] + reach
    diagonal = math.hypot(half_x, half_y)
    near = np.flatnonzero(np.hypot(p, q) < diagonal)
    # As many stars per area as sources: the catalogue reaches around the image.
    wanted = int(len(bright) * max(1.0, math.pi * diagonal**2 / (shape[0] * shape[1])))
    near = near[np.argsort(magnitude[near], kind="stable")[: 2 * wanted]]
    radius_image = 0.5 * math.hypot(*shape)
    cell = max(2.0 * final_radius, radius_image / _BINS_PER_SIDE)
    trial, trials = _vote(u[bright], v[bright], p[near], q[near], reach, cell, cell / radius_image)
    transform = trial.transform()
    for radius in (2.5 * cell, 1.5 * cell, cell, 0.5 * cell + final_radius, 1.5 * final_radius, final_radius):
        one, two = _paired(transform, u[bright], v[bright], p[near], q[near], max(radius, final_radius))
        transform = _fit(transform, u[bright][one], v[bright][one], p[near][two], q[near][two], radius)
    one, two = _paired(transform, u[bright], v[bright], p[near], q[near], final_radius)
    searched = max(2.0 * math.hypot(*transform[:, 2]) / final_radius, 2.0 * cell / final_radius) ** 2 * trials
    density = len(near) / (math.pi * diagonal**2)
    expected = len(bright) * density * math.pi * final_radius**2
    chance = _log10_poisson(len(one) - _AFFINE_PAIRS, expected) + math.log10(max(searched, 1.0))
    all_one, all_two = _paired(transform, u, v, p, q, final_radius)
    determinant = float(np.linalg.det(transform[:, :2]))
    return StarMatch(
        all_one,
        all_two,
        centre.mapping_of(transform),
        math.hypot(*transform[:, 2]) * centre.scale_arcsec,
        math.degrees(
            math.atan2(transform[1, 0] * np.sign(determinant), transform[0, 0] * np.sign(determinant))
        ),
        math.sqrt(abs(determinant)),
        determinant < 0,
        min(chance, 0.0),
    )


class _Centre:
    """The tangent plane at the image's centre, in units of pixels."""

    def __init__(self, first: SkyMapping, shape: tuple[int, int]) -> None:
        ny, nx = shape
        middle = first.pixel_to_sky([0.5 * (nx - 1)], [0.5 * (ny - 1)])
        self.first = first
        self.sky = (float(middle[0][0]), float(middle[1][0]))
        self.scale_arcsec = first.pixel_scale_arcsec
        self.shape = shape

    def of_sky(self, ra: Floats, dec: Floats) -> tuple[Floats, Floats]:
        xi, eta = project(ra, dec, self.sky)
        return xi * 3600.0 / self.scale_arcsec, eta * 3600.0 / self.scale_arcsec

    def of_pixels(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return self.of_sky(*self.first.pixel_to_sky(x, y))

    def mapping_of(self, transform: Floats) -> SkyMapping:
        """Return the first mapping followed by an affine map of this plane."""
        unit = self.scale_arcsec / 3600.0

        def plane(x: Floats, y: Floats) -> Floats:
            return _apply(transform, *self.of_pixels(x, y)).T * unit

        return as_tan_sip(plane, self.sky, self.shape, sip_degree(self.first))


@dataclass(frozen=True)
class _Trial:
    count: int
    expected: float
    rotation: float
    scale: float
    mirrored: bool
    shift: tuple[float, float]

    def transform(self) -> Floats:
        linear = self.scale * _rotation(self.rotation) @ np.diag([-1.0 if self.mirrored else 1.0, 1.0])
        return np.column_stack([linear, self.shift])


def _rotation(angle: float) -> Floats:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _vote(
    u: Floats, v: Floats, p: Floats, q: Floats, reach: float, cell: float, step: float
) -> tuple[_Trial, int]:
    """Return the best trial, and how many were made: one if the first mapping's rotation and scale will do."""
    best = _one_vote(u, v, p, q, reach, cell, 0.0, 1.0, False)
    cells = (2.0 * reach / cell + 1.0) ** 2
    if _log10_poisson(best.count, best.expected) + math.log10(cells) < _CERTAIN_LOG10:
        return best, 1
    # Both lists are in the order of brightness: the same part of each.
    n_sources = min(_BRIGHTEST_IN_SEARCH, len(u))
    n_stars = math.ceil(len(p) * n_sources / max(len(u), 1))
    u, v, p, q = u[:n_sources], v[:n_sources], p[:n_stars], q[:n_stars]
    best = replace(best, count=0)
    n_angles = math.ceil(math.radians(_ROTATION_DEG) / step)
    n_scales = math.ceil(_SCALE / step)
    trials = 0
    for mirrored in (False, True):
        for i in range(-n_angles, n_angles + 1):
            for j in range(-n_scales, n_scales + 1):
                found = _one_vote(u, v, p, q, reach, cell, i * step, 1.0 + j * step, mirrored)
                trials += 1
                if found.count > best.count:
                    best = found
    return best, trials


def _one_vote(
    u: Floats,
    v: Floats,
    p: Floats,
    q: Floats,
    reach: float,
    cell: float,
    rotation: float,
    scale: float,
    mirrored: bool,
) -> _Trial:
    empty = _Trial(0, 0.0, rotation, scale, mirrored, (0.0, 0.0))
    turned = empty.transform()[:, :2] @ np.stack([u, v])
    count, column, row, total = _histogram_peak(turned[0], turned[1], p, q, reach, cell)
    n_cells = math.ceil(2.0 * reach / cell) ** 2
    shift = ((column + 1) * cell - reach, (row + 1) * cell - reach)
    return replace(empty, count=count, expected=4.0 * total / n_cells, shift=shift)


@numba.njit(cache=True, nogil=True)
def _histogram_peak(u, v, p, q, reach, cell):  # type: ignore[no-untyped-def]
    """Return the highest sum of 2 by 2 cells of the histogram of differences, where it is, and all counts."""
    side = int(np.ceil(2.0 * reach / cell))
    counts = np.zeros((side, side), np.int32)
    total = 0
    for i in range(len(u)):
        for j in range(len(p)):
            column = int(np.floor((p[j] - u[i] + reach) / cell))
            row = int(np.floor((q[j] - v[i] + reach) / cell))
            if 0 <= column < side and 0 <= row < side:
                counts[row, column] += 1
                total += 1
    best, best_column, best_row = 0, 0, 0
    for row in range(side - 1):
        for column in range(side - 1):
            found = (
                counts[row, column]
                + counts[row, column + 1]
                + counts[row + 1, column]
                + counts[row + 1, column + 1]
            )
            if found > best:
                best, best_column, best_row = found, column, row
    return best, best_column, best_row, total


def _apply(transform: Floats, u: Floats, v: Floats) -> Floats:
    return transform[:, :2] @ np.stack([u, v]) + transform[:, 2:]


def _paired(
    transform: Floats, u: Floats, v: Floats, p: Floats, q: Floats, radius: float
) -> tuple[Index, Index]:
    moved = _apply(transform, u, v)
    return mutual_pairs(moved[0], moved[1], p, q, radius)


def _fit(transform: Floats, u: Floats, v: Floats, p: Floats, q: Floats, radius: float) -> Floats:
    """Fit an affine map to pairs; with few of them only a shift."""
    moved = _apply(transform, u, v)
    residual = np.stack([p, q]) - moved
    if len(u) == 0:
        return transform
    middle = np.median(residual, axis=1)
    if len(u) < 2 * _AFFINE_PAIRS:
        return np.column_stack([transform[:, :2], transform[:, 2] + middle])
    kept = np.hypot(*(residual - middle[:, None])) < radius
    terms = np.stack([u, v, np.ones(len(u))], axis=1)[kept]
    if len(terms) < 2 * _AFFINE_PAIRS:
        return transform
    return np.linalg.lstsq(terms, np.stack([p, q], axis=1)[kept], rcond=None)[0].T.copy()


def _log10_poisson(count: int, expected: float) -> float:
    """Return log10 of the probability of at least `count` where `expected` are expected; 0 where that is likely."""
    if count <= expected or count <= 0:
        return 0.0
    if expected <= 0.0:
        return -300.0
    first = count * math.log(expected) - expected - math.lgamma(count + 1.0)
    return min((first - math.log(1.0 - expected / (count + 1.0))) / math.log(10.0), 0.0)

"""Finding which detected sources are which stars of a catalogue, from a first guess of the sky mapping.

The differences of all pairs of bright sources and stars vote for the offset (`offset_voting`): first as the header has
it, then, where that leads nowhere, over a grid of rotation, scale and parity, in the middle of a crowded image and on
the whole of it. The best votes are refined, and what comes out has to pass a test against chance, which counts pairs,
not votes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.mapping import project
from seechange_core.imaging.astrometry.chance_matches import (
    LEAST_COVERAGE,
    coverage,
    expected_pairs,
    log10_poisson,
)
from seechange_core.imaging.astrometry.offset_voting import Trial, vote
from seechange_core.imaging.astrometry.pairing import Index, mutual_pairs
from seechange_core.imaging.astrometry.tan_sip import as_tan_sip, sip_degree

#: How many sources vote: as many as these, so long as the pairs are not more than the limit.
_SOURCES = (2000, 1400, 1000, 700, 500, 350, 250, 180, 120, 80, 50)
_PAIRS_OF_HEADER = 400_000
_PAIRS_OF_SEARCH = 250_000
#: The middle of a crowded image is where this many sources lie.
_IN_MIDDLE = 300
_LARGEST_MIDDLE = 0.6
_BINS_PER_SIDE = 230.0
_ROTATION_DEG = 3.0
_SCALE = 0.03
_CERTAIN_LOG10 = -9.0
_REFINED_OF_HEADER = 3
_REFINED_OF_SEARCH = 8
_AFFINE_PAIRS = 3
_GROWTHS = 12
_GROWTH_RADIUS = 2.0
#: Least part of the sources or stars, whichever are fewer, that makes it needless to search on.
_CERTAIN_FRACTION = 0.3


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
    n_tested, n_by_chance : float
        Pairs that the test counted among the sources that voted, and how many are expected by chance.
    """

    sources: Index
    stars: Index
    mapping: SkyMapping
    offset_arcsec: float
    rotation_deg: float
    scale: float
    mirrored: bool
    log10_chance: float
    n_tested: int
    n_by_chance: float


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
    n_saturated: int = 0,
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
    n_saturated : int
        Stars on the image that are missing among the sources because they are too bright.
    final_radius : float
        Within which pairs count in the end (pixel).

    Returns
    -------
    StarMatch
        Possibly without pairs. The caller judges ``log10_chance``.
    """
    centre = _Centre(first, shape)
    reach = max_offset_arcsec / centre.scale_arcsec
    lists = _Lists(
        *centre.of_pixels(x, y),
        np.argsort(-flux, kind="stable"),
        *centre.of_sky(ra, dec),
        np.argsort(magnitude, kind="stable"),
        n_saturated / (shape[0] * shape[1]),
    )
    best = _best(lists, 0.5 * math.hypot(*shape), shape, reach, final_radius)
    transform = best.transform
    one, two = _paired(transform, lists.u, lists.v, lists.p, lists.q, final_radius)
    determinant = float(np.linalg.det(transform[:, :2]))
    sign = math.copysign(1.0, determinant)
    return StarMatch(
        one,
        two,
        centre.mapping_of(transform),
        math.hypot(*transform[:, 2]) * centre.scale_arcsec,
        math.degrees(math.atan2(transform[1, 0] * sign, transform[0, 0] * sign)),
        math.sqrt(abs(determinant)),
        determinant < 0,
        best.log10_chance,
        best.n_pairs,
        best.n_by_chance,
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
class _Chosen:
    """Sources and stars that vote."""

    u: Floats
    v: Floats
    p: Floats
    q: Floats
    n_pairs: int


@dataclass(frozen=True)
class _Lists:
    """All sources (u, v) and stars (p, q) on the plane with their orders of brightness."""

    u: Floats
    v: Floats
    brightest: Index
    p: Floats
    q: Floats
    brightest_stars: Index
    saturated_density: float

    def chosen(self, radius: float, area: float, reach: float, limit: int) -> _Chosen:
        """Choose the brightest sources within a radius, and the stars that may be them.

        Those are the stars of the same ranks of brightness, with a factor of 2 to either side, in an area that is
        larger by the reach; the saturated ones come before the first source.
        """
        sources = self.brightest[np.hypot(self.u, self.v)[self.brightest] <= radius]
        stars = self.brightest_stars[np.hypot(self.p, self.q)[self.brightest_stars] < radius + reach]
        ratio = max(1.0, math.pi * (radius + reach) ** 2 / area)
        n_saturated = self.saturated_density * area
        for wanted in _SOURCES:
            number = min(wanted, len(sources))
            brightest = int(0.5 * n_saturated * ratio)
            faintest = math.ceil(2.0 * (n_saturated + number) * ratio)
            n_stars = max(min(len(stars), faintest) - brightest, 0)
            if number * n_stars <= limit:
                break
        one, two = sources[:number], stars[brightest:faintest]
        return _Chosen(self.u[one], self.v[one], self.p[two], self.q[two], number * n_stars)


@dataclass(frozen=True)
class _Hypothesis:
    transform: Floats
    n_pairs: int
    n_by_chance: float
    log10_chance: float
    certain: bool


def _best(
    lists: _Lists, radius: float, shape: tuple[int, int], reach: float, final_radius: float
) -> _Hypothesis:
    """Return the first hypothesis that is certain, else the best that there is."""
    whole = lists.chosen(radius, shape[0] * shape[1], reach, _PAIRS_OF_HEADER)
    best = _Hypothesis(np.eye(2, 3), 0, 0.0, 0.0, False)
    for trials, n_trials, chosen, cell in _votes(lists, whole, radius, shape, reach, final_radius):
        for trial in trials:
            transform = _refined(trial.transform(), chosen, cell, final_radius)
            transform = _grown(_refined(transform, whole, 0.4 * cell, final_radius), whole, final_radius)
            found = _tested(transform, whole, cell, final_radius, n_trials)
            if found.log10_chance < best.log10_chance:
                best = found
            if best.certain:
                return best
    return best


def _votes(
    lists: _Lists, whole: _Chosen, radius: float, shape: tuple[int, int], reach: float, final_radius: float
) -> Iterator[tuple[list[Trial], int, _Chosen, float]]:
    """Yield trials worth refining, how many were made, the points that voted, and the size of their cells."""
    cell = max(2.0 * final_radius, radius / _BINS_PER_SIDE)
    trials = vote(whole.u, whole.v, whole.p, whole.q, reach, cell, [(0.0, 1.0, False)], _REFINED_OF_HEADER)
    yield trials, 1, whole, cell
    distances = np.sort(np.hypot(lists.u, lists.v))
    middle = max(float(distances[min(_IN_MIDDLE, len(distances)) - 1]), reach)
    if middle < _LARGEST_MIDDLE * radius:
        chosen = lists.chosen(middle, math.pi * middle**2, reach, _PAIRS_OF_SEARCH)
        grid = _grid(cell / middle)
        trials = vote(chosen.u, chosen.v, chosen.p, chosen.q, reach, cell, grid)
        yield trials[:_REFINED_OF_SEARCH], len(grid), chosen, cell
    chosen = lists.chosen(radius, shape[0] * shape[1], reach, _PAIRS_OF_SEARCH)
    grid = _grid(cell / radius)
    trials = vote(chosen.u, chosen.v, chosen.p, chosen.q, reach, cell, grid)
    yield trials[:_REFINED_OF_SEARCH], len(grid), chosen, cell


def _grid(step: float) -> list[tuple[float, float, bool]]:
    """Return rotations (radian), scales and parities, the first guess's own first."""
    n_angles = math.ceil(math.radians(_ROTATION_DEG) / step)
    n_scales = math.ceil(_SCALE / step)
    return [
        (i * step, 1.0 + j * step, mirrored)
        for mirrored in (False, True)
        for i in range(-n_angles, n_angles + 1)
        for j in range(-n_scales, n_scales + 1)
    ]


def _refined(transform: Floats, chosen: _Chosen, cell: float, final_radius: float) -> Floats:
    """Fit the transform to pairs within smaller and smaller radii."""
    for factor in (2.5, 1.5, 1.0, 0.5, 0.0):
        radius = max(factor * cell, final_radius * (1.5 if factor else 1.0))
        one, two = _paired(transform, chosen.u, chosen.v, chosen.p, chosen.q, radius)
        transform = _fit(transform, chosen.u[one], chosen.v[one], chosen.p[two], chosen.q[two], radius)
    return transform


def _grown(transform: Floats, chosen: _Chosen, final_radius: float) -> Floats:
    """Fit again so long as there are more pairs: a match may begin in one place of the image and spread."""
    n_pairs = 0
    for _ in range(_GROWTHS):
        one, two = _paired(transform, chosen.u, chosen.v, chosen.p, chosen.q, _GROWTH_RADIUS * final_radius)
        if len(one) <= 1.02 * n_pairs:
            break
        n_pairs = len(one)
        transform = _fit(
            transform,
            chosen.u[one],
            chosen.v[one],
            chosen.p[two],
            chosen.q[two],
            _GROWTH_RADIUS * final_radius,
        )
    return transform


def _tested(
    transform: Floats, chosen: _Chosen, cell: float, final_radius: float, n_trials: int
) -> _Hypothesis:
    """Count the pairs, and the places where as many might have been found.

    Pairs that leave most of the image without any are no match of the image, however unlikely they are.
    """
    u, v = _apply(transform, chosen.u, chosen.v)
    one, _ = mutual_pairs(u, v, chosen.p, chosen.q, final_radius)
    expected = expected_pairs(u, v, chosen.p, chosen.q, final_radius)
    places = max(2.0 * math.hypot(*transform[:, 2]), 2.0 * cell) / final_radius
    chance = log10_poisson(len(one) - _AFFINE_PAIRS, expected) + math.log10(places**2 * n_trials)
    inside = (chosen.p > u.min()) & (chosen.p < u.max()) & (chosen.q > v.min()) & (chosen.q < v.max())
    if coverage(u[one], v[one], (u, v), (chosen.p[inside], chosen.q[inside])) < LEAST_COVERAGE:
        return _Hypothesis(transform, len(one), expected, 0.0, False)
    many = len(one) > _CERTAIN_FRACTION * min(len(u), int(inside.sum()))
    return _Hypothesis(transform, len(one), expected, min(chance, 0.0), many and chance < _CERTAIN_LOG10)


def _apply(transform: Floats, u: Floats, v: Floats) -> Floats:
    return transform[:, :2] @ np.stack([u, v]) + transform[:, 2:]


def _paired(
    transform: Floats, u: Floats, v: Floats, p: Floats, q: Floats, radius: float
) -> tuple[Index, Index]:
    moved = _apply(transform, u, v)
    return mutual_pairs(moved[0], moved[1], p, q, radius)


def _fit(transform: Floats, u: Floats, v: Floats, p: Floats, q: Floats, radius: float) -> Floats:
    """Fit an affine map to pairs; with few of them only a shift."""
    if len(u) == 0:
        return transform
    residual = np.stack([p, q]) - _apply(transform, u, v)
    middle = np.median(residual, axis=1)
    if len(u) < 2 * _AFFINE_PAIRS:
        return np.column_stack([transform[:, :2], transform[:, 2] + middle])
    kept = np.hypot(*(residual - middle[:, None])) < radius
    terms = np.stack([u, v, np.ones(len(u))], axis=1)[kept]
    if len(terms) < 2 * _AFFINE_PAIRS:
        return transform
    return np.linalg.lstsq(terms, np.stack([p, q], axis=1)[kept], rcond=None)[0].T.copy()

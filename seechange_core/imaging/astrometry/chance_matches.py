"""How likely it is that sources and stars lie close to each other by chance."""

from __future__ import annotations

import math

import numpy as np

from seechange_core.frames import Floats
from seechange_core.imaging.astrometry.pairing import mutual_pairs
from seechange_core.imaging.robust import scatter

_DISPLACEMENTS = 16
#: How far the lists are displaced, in units of the radius: far enough that no true pair is left, near enough that
#: clusters and voids stay on top of each other.
_NEAREST, _FARTHEST = 4.0, 12.0
#: Of true matches; see `coverage`.
LEAST_COVERAGE = 0.2


def expected_pairs(x: Floats, y: Floats, x_other: Floats, y_other: Floats, radius: float) -> float:
    """Return how many pairs within a radius there would be if the lists had nothing to do with each other.

    The larger of two estimates: from the mean density over the area that the first list spans, and counted after
    displacing the lists against each other by a few radii, which accounts for clusters, trails and voids.
    """
    if len(x) == 0 or len(x_other) == 0:
        return 0.0
    inside = (x_other >= x.min()) & (x_other <= x.max()) & (y_other >= y.min()) & (y_other <= y.max())
    area = max(float(np.ptp(x)), radius) * max(float(np.ptp(y)), radius)
    from_density = len(x) * float(inside.sum()) * math.pi * radius**2 / area
    counted = 0
    for number in range(_DISPLACEMENTS):
        angle = 2.0 * math.pi * number / _DISPLACEMENTS
        length = radius * (_NEAREST + (_FARTHEST - _NEAREST) * (number % 4) / 3.0)
        dx, dy = length * math.cos(angle), length * math.sin(angle)
        counted += len(mutual_pairs(x + dx, y + dy, x_other, y_other, radius)[0])
    return max(min(from_density, float(len(x))), counted / _DISPLACEMENTS)


def log10_poisson(count: int, expected: float) -> float:
    """Return log10 of the probability of at least `count` where `expected` are expected; 0 where that is likely."""
    if count <= expected or count <= 0:
        return 0.0
    if expected <= 0.0:
        return -300.0
    first = count * math.log(expected) - expected - math.lgamma(count + 1.0)
    return min((first - math.log(1.0 - expected / (count + 1.0))) / math.log(10.0), 0.0)


def coverage(x: Floats, y: Floats, *others: tuple[Floats, Floats]) -> float:
    """Return the area that points are spread over, relative to that of the least spread of other lists.

    The area is the product of the robust scatters along both axes, so that a few chance pairs far away count for
    nothing; 0 with fewer than three points.
    """
    least = min(_area(*points) for points in others)
    return _area(x, y) / least if least > 0.0 else 0.0


def _area(x: Floats, y: Floats) -> float:
    return scatter(x) * scatter(y) if len(x) > 2 else 0.0

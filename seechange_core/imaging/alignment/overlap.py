"""How much of one piece of sky another one covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seechange_core.frames import Floats
from seechange_core.frames.mapping import project


def overlap_fraction(ra: ArrayLike, dec: ArrayLike, other_ra: ArrayLike, other_dec: ArrayLike) -> float:
    """Return the part (0 to 1) of a footprint that another one covers.

    Parameters
    ----------
    ra, dec : array of shape (n,)
        Corners of a convex footprint (deg), counted around.
    other_ra, other_dec : array of shape (m,)
        Corners of the other one.

    Notes
    -----
    Both are projected onto the plane that touches the sky at the first one's middle, where great circles are straight
    lines, and the first is clipped by each side of the other (Sutherland & Hodgman 1974, CACM 17, 32).
    """
    centre = middle(ra, dec)
    own, other = _counterclockwise(ra, dec, centre), _counterclockwise(other_ra, other_dec, centre)
    if not (np.isfinite(own).all() and np.isfinite(other).all()):
        return 0.0
    clipped = own
    for start, end in zip(other, np.roll(other, -1, axis=0), strict=True):
        clipped = _left_of(clipped, start, end)
    total = _area(own)
    return min(1.0, _area(clipped) / total) if total > 0 else 0.0


def contains(corners: ArrayLike, ra: float, dec: float) -> bool:
    """Tell whether a convex footprint, given as (ra, dec) of its corners counted around (deg), holds a position."""
    corner_ra, corner_dec = np.transpose(np.asarray(corners, np.float64))
    x, y = project(corner_ra, corner_dec, (ra, dec))
    turns = x * np.roll(y, -1) - np.roll(x, -1) * y
    return bool(np.all(turns >= 0) or np.all(turns <= 0))


def distance_outside_deg(corners: ArrayLike, ra: float, dec: float) -> float:
    """Return how far (deg) a position is from the nearest edge of a convex footprint; 0 inside of it.

    Parameters
    ----------
    corners : array of shape (n, 2)
        Right ascension and declination (deg), counted around.
    ra, dec : float
        The position (deg).

    Returns
    -------
    float
        On the tangent plane at the position; infinite where a corner is in the other hemisphere.
    """
    if contains(corners, ra, dec):
        return 0.0
    corner_ra, corner_dec = np.transpose(np.asarray(corners, np.float64))
    start = np.stack(project(corner_ra, corner_dec, (ra, dec)), axis=1)
    along = np.roll(start, -1, axis=0) - start
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.clip(-np.sum(start * along, axis=1) / np.sum(along**2, axis=1), 0.0, 1.0)
    nearest = np.hypot(*(start + np.nan_to_num(part)[:, None] * along).T)
    return float(np.min(nearest)) if np.isfinite(nearest).all() else float("inf")


def middle(ra: ArrayLike, dec: ArrayLike) -> tuple[float, float]:
    """Return the middle (deg) of positions, as the direction of their mean vector."""
    alpha, delta = np.radians(np.asarray(ra, np.float64)), np.radians(np.asarray(dec, np.float64))
    x, y, z = np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)
    x, y, z = x.mean(), y.mean(), z.mean()
    return float(np.degrees(np.arctan2(y, x)) % 360.0), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def _counterclockwise(ra: ArrayLike, dec: ArrayLike, centre: tuple[float, float]) -> Floats:
    points = np.stack(project(ra, dec, centre), axis=1)
    return points if _signed_area(points) >= 0 else points[::-1]


def _left_of(polygon: Floats, start: Floats, end: Floats) -> Floats:
    """Cut away what lies to the right of a line."""
    if len(polygon) == 0:
        return polygon
    along = end - start
    side = along[0] * (polygon[:, 1] - start[1]) - along[1] * (polygon[:, 0] - start[0])
    kept: list[Floats] = []
    for number in range(len(polygon)):
        following = (number + 1) % len(polygon)
        if side[number] >= 0:
            kept.append(polygon[number])
        if side[number] * side[following] < 0:
            part = side[number] / (side[number] - side[following])
            kept.append(polygon[number] + part * (polygon[following] - polygon[number]))
    return np.array(kept).reshape(-1, 2)


def _area(polygon: Floats) -> float:
    return abs(_signed_area(polygon)) if len(polygon) > 2 else 0.0


def _signed_area(polygon: Floats) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))

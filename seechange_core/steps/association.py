"""Association: which measurements belong to which objects on the sky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seechange_core.api import Params, parameter
from seechange_core.frames import Floats

_ARCSEC = np.pi / 180.0 / 3600.0


class AssociationParams(Params):
    """How near is near enough."""

    radius_arcsec: float = parameter(
        1.0, description="Largest distance of a measurement from its object", unit="arcsec", ge=0.2, le=10.0
    )


@dataclass(frozen=True)
class Assignment:
    """Which object each measurement belongs to.

    Parameters
    ----------
    object_index : int array of shape (n,)
        Row of the known object that the measurement joins; -1 if it joins a new one.
    founder_row : int array of shape (n,)
        For measurements of a new object the row of the measurement that founds it, which may be the
        measurement's own; -1 for those that join a known object.
    """

    object_index: NDArray[np.int64]
    founder_row: NDArray[np.int64]


def assign(
    ra: ArrayLike,
    dec: ArrayLike,
    position_error_arcsec: ArrayLike,
    objects_ra: ArrayLike,
    objects_dec: ArrayLike,
    radius_arcsec: float,
) -> Assignment:
    """Match measurements of one image with the objects near them.

    A measurement joins the nearest object within the radius. Those that have none found new objects, the
    most precise first, and take in the other ones within the radius, each going to its nearest founder. So
    no two new objects lie within the radius of one another, and the order of the rows is of no effect.
    Two measurements of one image may share an object: a second object at the same place would divide its
    light curve.

    Parameters
    ----------
    ra, dec : array of shape (n,)
        Measurements (deg, ICRS).
    position_error_arcsec : array of shape (n,)
        1 sigma; NaN counts as least precise.
    objects_ra, objects_dec : array of shape (m,)
        Known objects (deg, ICRS).
    radius_arcsec : float
        Largest distance.

    Raises
    ------
    ValueError
        If a position is not finite: a measurement without a WCS cannot be associated.
    """
    from scipy.spatial import KDTree

    points, objects = _unit_vectors(ra, dec), _unit_vectors(objects_ra, objects_dec)
    chord = 2.0 * np.sin(0.5 * radius_arcsec * _ARCSEC)
    object_index = np.full(len(points), -1, np.int64)
    founder_row = np.full(len(points), -1, np.int64)
    if len(objects) and len(points):
        distance, index = KDTree(objects).query(points)
        object_index = np.where(distance <= chord, index, -1)
    free = np.flatnonzero(object_index < 0)
    if len(free):
        error = np.broadcast_to(np.asarray(position_error_arcsec, np.float64), len(points))[free]
        # lexsort sorts by its last key first; NaN comes last.
        precise_first = free[np.lexsort((points[free, 0], points[free, 1], points[free, 2], error))]
        founders = _founders(precise_first, KDTree(points).query_ball_point(points[precise_first], chord))
        founder_row[free] = founders[KDTree(points[founders]).query(points[free])[1]]
    return Assignment(object_index, founder_row)


def _unit_vectors(ra: ArrayLike, dec: ArrayLike) -> Floats:
    """Points on the unit sphere, shape (n, 3), where no place is special: neither RA 0 nor the poles."""
    alpha, delta = np.radians(np.asarray(ra, np.float64)), np.radians(np.asarray(dec, np.float64))
    if not (np.isfinite(alpha).all() and np.isfinite(delta).all()):
        raise ValueError("positions that are not finite cannot be associated; leave out what has no WCS")
    return np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=1)


def _founders(precise_first: NDArray[np.int64], neighbours: Sequence[list[int]]) -> NDArray[np.int64]:
    """Rows that found objects: each one, in order, that no founder before it has taken in."""
    taken: set[int] = set()
    founders = []
    for row, near in zip(precise_first.tolist(), neighbours, strict=True):
        if row not in taken:
            founders.append(row)
            taken.update(near)
    return np.array(founders, np.int64)

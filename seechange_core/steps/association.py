"""Association: which measurements belong to which objects on the sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import field_validator, model_validator

from seechange_core.api import Params, parameter
from seechange_core.frames import Floats
from seechange_core.steps.object_names import object_name

_ARCSEC = np.pi / 180.0 / 3600.0


class AssociationParams(Params):
    """How near is near enough, and how new objects are called."""

    radius_arcsec: float = parameter(
        1.0,
        description="Largest distance of a measurement from its object where both positions are good",
        unit="arcsec",
        ge=0.2,
        le=10.0,
    )
    position_sigmas: float = parameter(
        4.0, description="The radius is at least so many errors of the distance", unit="sigma", ge=0, le=10
    )
    largest_radius_arcsec: float = parameter(
        3.0, description="The radius is never larger than this", unit="arcsec", ge=0.2, le=30.0
    )
    name_format: str = parameter(
        "SC{year}{counter:letters}",
        description="Names of new objects: the year of the first measurement and a number, as letters "
        "(a ... z, aa ...) or digits, such as {counter:05d}",
    )

    @field_validator("name_format")
    @classmethod
    def _makes_names(cls, value: str) -> str:
        names = {object_name(value, *number) for number in ((2026, 1), (2026, 2), (2027, 1))}
        if len(names) < 3:
            raise ValueError("names would not be unique: it has to hold {year} and {counter}")
        return value

    @model_validator(mode="after")
    def _radii_in_order(self) -> Self:
        if self.largest_radius_arcsec < self.radius_arcsec:
            raise ValueError("largest_radius_arcsec is smaller than radius_arcsec")
        return self

    def radius(self, first_error_arcsec: Floats, second_error_arcsec: Floats) -> Floats:
        """Return the radius (arcsec) for pairs of positions with errors of 1 sigma; NaN counts as none."""
        error = np.hypot(np.nan_to_num(first_error_arcsec), np.nan_to_num(second_error_arcsec))
        return np.clip(self.position_sigmas * error, self.radius_arcsec, self.largest_radius_arcsec)


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
    error_arcsec: ArrayLike,
    objects_ra: ArrayLike,
    objects_dec: ArrayLike,
    objects_error_arcsec: ArrayLike,
    params: AssociationParams,
) -> Assignment:
    """Match measurements of one image with the objects near them.

    A measurement joins the nearest object within the radius, which follows the errors of both positions. Those that
    have none found new objects, the most precise first, and take in the other ones within the radius, each going to
    its nearest founder. So no two new objects lie within the radius of one another, and the order of the rows is of no
    effect. Two measurements of one image may share an object: a second object at the same place would divide its light
    curve.

    Parameters
    ----------
    ra, dec : array of shape (n,)
        Measurements (deg), in the same frame as the objects.
    error_arcsec : array of shape (n,)
        1 sigma along one axis; NaN where it is unknown, which counts as least precise.
    objects_ra, objects_dec : array of shape (m,)
        Known objects (deg).
    objects_error_arcsec : array of shape (m,)
        1 sigma along one axis, or NaN.
    params : AssociationParams
        For the radius.

    Raises
    ------
    ValueError
        If a position is not finite: a measurement without a WCS cannot be associated.
    """
    points, objects = _unit_vectors(ra, dec), _unit_vectors(objects_ra, objects_dec)
    error = np.broadcast_to(np.asarray(error_arcsec, np.float64), len(points))
    objects_error = np.broadcast_to(np.asarray(objects_error_arcsec, np.float64), len(objects))
    founder_row = np.full(len(points), -1, np.int64)
    object_index = _nearest(points, error, objects, objects_error, params)
    free = np.flatnonzero(object_index < 0)
    if len(free):
        # lexsort sorts by its last key first; NaN comes last.
        order = np.lexsort((points[free, 0], points[free, 1], points[free, 2], error[free]))
        founders = _founders(points, error, free[order], params)
        own = _nearest(points[free], error[free], points[founders], error[founders], params)
        founder_row[free] = founders[own]
    return Assignment(object_index, founder_row)


def _unit_vectors(ra: ArrayLike, dec: ArrayLike) -> Floats:
    """Points on the unit sphere, shape (n, 3), where no place is special: neither RA 0 nor the poles."""
    alpha, delta = np.radians(np.asarray(ra, np.float64)), np.radians(np.asarray(dec, np.float64))
    if not (np.isfinite(alpha).all() and np.isfinite(delta).all()):
        raise ValueError("positions that are not finite cannot be associated; leave out what has no WCS")
    return np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=1)


def _near_pairs(
    first: Floats, first_error: Floats, second: Floats, second_error: Floats, params: AssociationParams
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return rows of both that lie within the radius of each other, and their distances (arcsec)."""
    from scipy.spatial import KDTree

    if not len(first) or not len(second):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    chord = 2.0 * np.sin(0.5 * params.largest_radius_arcsec * _ARCSEC)
    pairs = KDTree(first).sparse_distance_matrix(KDTree(second), chord, output_type="ndarray")
    distance = 2.0 * np.arcsin(0.5 * pairs["v"]) / _ARCSEC
    near = distance <= params.radius(first_error[pairs["i"]], second_error[pairs["j"]])
    return pairs["i"][near].astype(np.int64), pairs["j"][near].astype(np.int64), distance[near]


def _nearest(
    points: Floats, error: Floats, objects: Floats, objects_error: Floats, params: AssociationParams
) -> NDArray[np.int64]:
    """Return for each point the row of the nearest object within the radius, or -1."""
    point, near, distance = _near_pairs(points, error, objects, objects_error, params)
    found = np.full(len(points), -1, np.int64)
    # Of several, the nearest one is written last.
    order = np.argsort(-distance, kind="stable")
    found[point[order]] = near[order]
    return found


def _founders(
    points: Floats, error: Floats, precise_first: NDArray[np.int64], params: AssociationParams
) -> NDArray[np.int64]:
    """Rows that found objects: each one, in order, that no founder before it has taken in."""
    first, second, _ = _near_pairs(
        points[precise_first], error[precise_first], points[precise_first], error[precise_first], params
    )
    taken = np.zeros(len(precise_first), bool)
    founders = []
    for number, row in enumerate(precise_first.tolist()):
        if not taken[number]:
            founders.append(row)
            taken[second[first == number]] = True
    return np.array(founders, np.int64)

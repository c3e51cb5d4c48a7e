"""The sky index: one integer a position, so that a cone on the sky is a few ranges of a column.

The integer is the HEALPix cell of nested order 29 (Gorski et al. 2005, ApJ 622, 759), 0.4 mas wide. Cells
that are close in the sky are mostly close in number.
"""

from __future__ import annotations

import math

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, Latitude, Longitude
from cdshealpix.nested import cone_search, lonlat_to_healpix
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import ColumnElement, and_, func, or_

from seechange_core.models.position import PositionMixin

_ORDER = 29
#: Side of a cell of order 0 (deg), square root of a twelfth of the sky.
_WIDEST_CELL_DEG = math.degrees(math.sqrt(4 * math.pi / 12))
#: Cells are smaller than the cone by this power of two: some 10 ranges that hold 1.6 times the cone's area.
_REFINEMENT = 2
#: The search for a cone's cells fails in finer ones, of 1.6 milliarcseconds.
_FINEST_SEARCH = 27
#: Against rounding of positions on the rim (deg); far below the width of a cell.
_MARGIN_DEG = 1e-9
#: Cells of 14 arcmin, in which writers wait for each other.
_LOCK_ORDER = 8


def sky_index(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.int64]:
    """Return the index of positions (deg, ICRS), in the shape of the input.

    Raises
    ------
    ValueError
        If a position is not finite or a declination is beyond the poles.
    """
    ra, dec = np.broadcast_arrays(np.asarray(ra, np.float64), np.asarray(dec, np.float64))
    if not np.all(np.isfinite(ra) & (np.abs(dec) <= 90.0)):
        raise ValueError("right ascensions must be finite and declinations within -90 to 90 degrees")
    cells = lonlat_to_healpix(Longitude(ra.ravel(), u.deg), Latitude(dec.ravel(), u.deg), _ORDER)
    return cells.astype(np.int64).reshape(ra.shape)


def cone_ranges(ra: float, dec: float, radius_deg: float) -> list[tuple[int, int]]:
    """Return ranges of the index, first and last included, that together hold every position of a cone.

    Parameters
    ----------
    ra, dec, radius_deg : float
        Centre (ICRS) and radius of the cone (deg).

    Returns
    -------
    list of (int, int)
        Sorted and apart, at most some 20. They also hold positions outside the cone.
    """
    radius_deg = min(radius_deg + _MARGIN_DEG, 180.0)
    order = math.floor(math.log2(_WIDEST_CELL_DEG / radius_deg)) + _REFINEMENT
    cells, orders, _ = cone_search(
        Longitude(ra, u.deg),
        Latitude(dec, u.deg),
        Angle(radius_deg, u.deg),
        min(max(order, 0), _FINEST_SEARCH),
    )
    merged: list[tuple[int, int]] = []
    for cell, order_of_cell in zip(cells.tolist(), orders.tolist(), strict=True):
        bits = 2 * (_ORDER - order_of_cell)
        low, high = cell << bits, ((cell + 1) << bits) - 1
        if merged and merged[-1][1] == low - 1:
            low = merged.pop()[0]
        merged.append((low, high))
    return merged


def in_cone(table: type[PositionMixin], ra: float, dec: float, radius_deg: float) -> ColumnElement[bool]:
    """Return the condition that a row lies within a cone, by index and then by exact distance.

    Use it as ``select(Object).where(in_cone(Object, ra, dec, radius_deg))``.
    """
    ranges = [table.sky_index.between(low, high) for low, high in cone_ranges(ra, dec, radius_deg)]
    return and_(or_(*ranges), _haversine(table, ra, dec) <= math.sin(math.radians(radius_deg) / 2) ** 2)


def separation_deg(table: type[PositionMixin], ra: float, dec: float) -> ColumnElement[float]:
    """Return the distance (deg) of a row from a position as a column, for example to order by."""
    return func.degrees(2 * func.asin(func.sqrt(_haversine(table, ra, dec))))


def lock_cells(ra: ArrayLike, dec: ArrayLike, radius_deg: float) -> list[int]:
    """Return the cells that writers lock before they decide on objects within a radius of positions (deg).

    Two writers whose positions come closer than the radius have a cell in common.
    """
    radius = Angle(radius_deg + _MARGIN_DEG, u.deg)
    cells: set[int] = set()
    for one_ra, one_dec in zip(np.atleast_1d(ra), np.atleast_1d(dec), strict=True):
        near, _, _ = cone_search(
            Longitude(one_ra, u.deg), Latitude(one_dec, u.deg), radius, _LOCK_ORDER, flat=True
        )
        cells.update(near.tolist())
    return sorted(cells)


def _haversine(table: type[PositionMixin], ra: float, dec: float) -> ColumnElement[float]:
    """Return the squared sine of half the distance, exact for small angles (Sinnott 1984, S&T 68, 159)."""
    half_dec = func.sin(func.radians(table.dec - dec) / 2)
    half_ra = func.sin(func.radians(table.ra - ra) / 2)
    return (
        half_dec * half_dec
        + math.cos(math.radians(dec)) * func.cos(func.radians(table.dec)) * half_ra * half_ra
    )

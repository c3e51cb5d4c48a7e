from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import Session

from seechange_core.models import Base, Object, row_id
from seechange_core.models.sky_index import cone_ranges, in_cone, lock_cells, separation_deg, sky_index

RA = st.floats(0, 360) | st.sampled_from([0.0, 1e-9, 359.999999999, 360.0, 45.0, 90.0, 180.0])
DEC = st.floats(-90, 90) | st.sampled_from([-90.0, -89.9999999, 0.0, math.degrees(math.asin(2 / 3)), 90.0])
RADIUS = st.floats(math.log(0.1 / 3600), math.log(30)).map(math.exp)


def vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def positions_around(ra: float, dec: float, radius_deg: float, seed: int) -> tuple[np.ndarray, ...]:
    """Positions up to 1.5 radii away from the centre, some close to the rim, with their distances."""
    random = np.random.default_rng(seed)
    distance = np.concatenate([random.uniform(0, 1.5, 80), [0.0, 1 - 1e-4, 1 + 1e-4]]) * radius_deg
    angle = random.uniform(0, 2 * np.pi, distance.size)
    centre = vectors(np.array(ra), np.array(dec))
    east = np.array([-math.sin(math.radians(ra)), math.cos(math.radians(ra)), 0.0])
    north = np.cross(centre, east)
    d = np.radians(distance)[:, None]
    found = np.cos(d) * centre + np.sin(d) * (np.cos(angle)[:, None] * east + np.sin(angle)[:, None] * north)
    found_dec = np.degrees(np.arctan2(found[:, 2], np.hypot(found[:, 0], found[:, 1])))
    return np.degrees(np.arctan2(found[:, 1], found[:, 0])) % 360, found_dec, distance


@given(ra=RA, dec=DEC, radius_deg=RADIUS, seed=st.integers(0, 2**32 - 1))
@example(ra=0.0, dec=90.0, radius_deg=30.0, seed=0)
@example(ra=360.0, dec=-90.0, radius_deg=0.1 / 3600, seed=0)
@settings(max_examples=300, deadline=None)
def test_ranges_hold_every_position_of_the_cone(ra: float, dec: float, radius_deg: float, seed: int) -> None:
    around_ra, around_dec, distance = positions_around(ra, dec, radius_deg, seed)
    index = sky_index(around_ra, around_dec)
    ranges = cone_ranges(ra, dec, radius_deg)
    held = np.any([(low <= index) & (index <= high) for low, high in ranges], axis=0)
    assert held[distance <= radius_deg].all()


@given(ra=RA, dec=DEC, radius_deg=RADIUS)
@settings(max_examples=200, deadline=None)
def test_ranges_are_few_and_tight(ra: float, dec: float, radius_deg: float) -> None:
    ranges = cone_ranges(ra, dec, radius_deg)
    assert len(ranges) <= 24
    assert all(first[1] < second[0] for first, second in itertools.pairwise(ranges))
    area = sum(high - low + 1 for low, high in ranges) / (12 * 4**29)
    cone = (1 - math.cos(math.radians(radius_deg))) / 2
    assert cone <= area <= 3 * cone


@given(ra=RA, dec=DEC, radius_deg=RADIUS, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_search_finds_what_brute_force_finds(ra: float, dec: float, radius_deg: float, seed: int) -> None:
    around_ra, around_dec, distance = positions_around(ra, dec, radius_deg, seed)
    index = sky_index(around_ra, around_dec).tolist()
    positions = zip(around_ra.tolist(), around_dec.tolist(), index, strict=True)
    rows = [
        {"id": row_id("test", number), "ra": one_ra, "dec": one_dec, "sky_index": cell}
        for number, (one_ra, one_dec, cell) in enumerate(positions)
    ]
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine, [Object.__table__])
    with Session(engine) as session:
        session.execute(insert(Object), rows)
        distance_column = separation_deg(Object, ra, dec)
        query = select(Object.id, distance_column).where(in_cone(Object, ra, dec, radius_deg))
        found = dict(session.execute(query).all())
    expected = {
        row_id("test", int(number)): distance[number] for number in np.flatnonzero(distance <= radius_deg)
    }
    assert found.keys() == expected.keys()
    # Positions are rounded to 5e-14 deg, and so are the distances.
    assert all(abs(found[key] - expected[key]) < 1e-10 + 1e-9 * expected[key] for key in expected)


@given(ra=RA, dec=DEC, radius_deg=st.floats(0.1 / 3600, 5 / 3600), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_neighbours_have_a_lock_in_common(ra: float, dec: float, radius_deg: float, seed: int) -> None:
    around_ra, around_dec, distance = positions_around(ra, dec, radius_deg, seed)
    cells = set(lock_cells(ra, dec, radius_deg))
    near = distance <= radius_deg
    for one_ra, one_dec in zip(around_ra[near], around_dec[near], strict=True):
        assert cells & set(lock_cells(one_ra, one_dec, radius_deg))


def test_index_keeps_the_shape() -> None:
    assert sky_index(10.0, 20.0).shape == ()
    assert sky_index(np.zeros((2, 3)), np.zeros((2, 3))).shape == (2, 3)
    assert sky_index([], []).shape == (0,)


@pytest.mark.parametrize(("ra", "dec"), [(math.nan, 0.0), (0.0, math.nan), (0.0, 90.1), (math.inf, 0.0)])
def test_index_refuses_what_is_no_position(ra: float, dec: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        sky_index([1.0, ra], [1.0, dec])


@pytest.mark.parametrize("radius_deg", [0.0, 1e-12, 1e-8, 1e-7])
def test_the_smallest_cones_hold_their_centre(radius_deg: float) -> None:
    (cell,) = sky_index([150.1], [2.2])
    assert any(low <= cell <= high for low, high in cone_ranges(150.1, 2.2, radius_deg))

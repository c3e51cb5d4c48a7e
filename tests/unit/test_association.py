from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seechange_core.steps.association import Assignment, AssociationParams, assign
from seechange_core.steps.object_names import object_name

ARCSEC = 1.0 / 3600.0


def away(ra: float, dec: float, east_arcsec: float, north_arcsec: float) -> tuple[float, float]:
    """Move over the sphere; works at the poles, where moving along coordinates does not."""
    distance = math.radians(math.hypot(east_arcsec, north_arcsec) * ARCSEC)
    bearing = math.atan2(east_arcsec, north_arcsec)
    dec0 = math.radians(dec)
    sin_dec = math.sin(dec0) * math.cos(distance) + math.cos(dec0) * math.sin(distance) * math.cos(bearing)
    d_ra = math.atan2(
        math.sin(bearing) * math.sin(distance) * math.cos(dec0),
        math.cos(distance) - math.sin(dec0) * sin_dec,
    )
    return (ra + math.degrees(d_ra)) % 360.0, math.degrees(math.asin(max(-1.0, min(1.0, sin_dec))))


def separation_arcsec(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    a1, d1, a2, d2 = (math.radians(angle) for angle in (ra1, dec1, ra2, dec2))
    half = math.sin((d2 - d1) / 2) ** 2 + math.cos(d1) * math.cos(d2) * math.sin((a2 - a1) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(half))) / ARCSEC


def fixed(radius_arcsec: float) -> AssociationParams:
    """A radius that does not follow the errors."""
    return AssociationParams.model_construct(
        radius_arcsec=radius_arcsec, position_sigmas=0.0, largest_radius_arcsec=radius_arcsec
    )


def check(ra: list[float], dec: list[float], objects: list[tuple[float, float]], radius: float) -> Assignment:
    """Assign and verify by direct distances what must hold of every assignment."""
    error = [0.1] * len(ra)
    result = assign(ra, dec, error, [o[0] for o in objects], [o[1] for o in objects], np.nan, fixed(radius))
    tolerance = 1e-6
    for row, (index, founder) in enumerate(zip(result.object_index, result.founder_row, strict=True)):
        distances = [separation_arcsec(ra[row], dec[row], *position) for position in objects]
        assert (index < 0) != (founder < 0)
        if index >= 0:
            assert distances[index] <= min(distances) + tolerance
            assert distances[index] <= radius + tolerance
        else:
            assert min(distances, default=math.inf) >= radius - tolerance
            assert result.founder_row[founder] == founder
            assert separation_arcsec(ra[row], dec[row], ra[founder], dec[founder]) <= radius + tolerance
    founders = sorted(set(result.founder_row.tolist()) - {-1})
    for i, first in enumerate(founders):
        for second in founders[:i]:
            assert separation_arcsec(ra[first], dec[first], ra[second], dec[second]) >= radius - tolerance
    return result


CENTRES = st.sampled_from(
    [(0.0, 0.0), (359.9999, -30.0), (0.00001, 60.0), (123.4, 90.0), (250.0, -90.0), (10, 89.9999)]
)
OFFSETS = st.lists(st.tuples(st.floats(-4, 4), st.floats(-4, 4)), max_size=12)


@settings(deadline=None)
@given(centre=CENTRES, measured=OFFSETS, known=OFFSETS, radius=st.floats(0.1, 10.0))
def test_assignments_hold_everywhere_on_the_sky(
    centre: tuple[float, float],
    measured: list[tuple[float, float]],
    known: list[tuple[float, float]],
    radius: float,
) -> None:
    positions = [away(*centre, *offset) for offset in measured]
    objects = [away(*centre, *offset) for offset in known]
    check([p[0] for p in positions], [p[1] for p in positions], objects, radius)


@settings(deadline=None)
@given(centre=CENTRES, measured=OFFSETS, known=OFFSETS, seed=st.integers(0, 1000))
def test_the_order_of_rows_is_of_no_effect(
    centre: tuple[float, float],
    measured: list[tuple[float, float]],
    known: list[tuple[float, float]],
    seed: int,
) -> None:
    positions = np.array([away(*centre, *offset) for offset in dict.fromkeys(measured)]).reshape(-1, 2)
    positions = np.unique(positions, axis=0)
    objects = np.unique(np.array([away(*centre, *offset) for offset in known]).reshape(-1, 2), axis=0)
    rng = np.random.default_rng(seed)
    error = rng.uniform(0.05, 0.3, len(positions))
    order = rng.permutation(len(positions))

    def groups(rows: np.ndarray) -> list[tuple[int, int]]:
        """For each measurement its object, and its founder by its row before the shuffling."""
        result = assign(
            positions[rows, 0],
            positions[rows, 1],
            error[rows],
            objects[:, 0],
            objects[:, 1],
            np.nan,
            fixed(1.0),
        )
        founder = [int(rows[f]) if f >= 0 else -1 for f in result.founder_row]
        by_row = dict(
            zip(rows.tolist(), zip(result.object_index.tolist(), founder, strict=True), strict=True)
        )
        return [by_row[row] for row in range(len(rows))]

    assert groups(order) == groups(np.arange(len(positions)))


def test_the_nearest_of_several_objects_is_joined() -> None:
    objects = [away(180.0, 10.0, east, 0.0) for east in (-0.8, 0.5, 3.0)]
    assert check([180.0], [10.0], objects, 1.0).object_index.tolist() == [1]


def test_the_radius_decides() -> None:
    objects = [away(0.0, -45.0, 0.0, 1.5)]
    assert check([0.0], [-45.0], objects, 1.0).object_index.tolist() == [-1]
    assert check([0.0], [-45.0], objects, 2.0).object_index.tolist() == [0]


def test_the_most_precise_measurement_founds_the_object() -> None:
    positions = [(20.0, 5.0), away(20.0, 5.0, 0.4, 0.0), away(20.0, 5.0, 30.0, 0.0)]
    ra, dec = zip(*positions, strict=True)
    assert assign(ra, dec, [0.2, 0.1, 0.3], [], [], [], fixed(1.0)).founder_row.tolist() == [1, 1, 2]
    assert assign(ra, dec, [0.2, math.nan, 0.3], [], [], [], fixed(1.0)).founder_row.tolist() == [0, 0, 2]


def test_the_radius_follows_the_errors() -> None:
    near = [away(30.0, -20.0, 0.0, 1.5)]
    params = AssociationParams()

    def joined(error: float, objects_error: float) -> bool:
        ra, dec = zip(*near, strict=True)
        return bool(assign([30.0], [-20.0], [error], ra, dec, [objects_error], params).object_index[0] == 0)

    assert not joined(0.05, 0.05)
    assert joined(0.4, 0.05)
    assert joined(0.05, 0.4)
    assert not joined(math.nan, 0.05)
    near = [away(30.0, -20.0, 0.0, 3.1)]
    assert not joined(5.0, 5.0)


def test_nothing_measured_gives_nothing() -> None:
    result = assign([], [], [], [10.0], [20.0], [0.1], fixed(1.0))
    assert len(result.object_index) == len(result.founder_row) == 0


@pytest.mark.parametrize(("ra", "objects_ra"), [(math.nan, 1.0), (1.0, math.inf)])
def test_positions_that_are_not_finite_are_refused(ra: float, objects_ra: float) -> None:
    with pytest.raises(ValueError, match="no WCS"):
        assign([ra], [0.0], [0.1], [objects_ra], [0.0], [0.1], fixed(1.0))


@pytest.mark.parametrize(
    ("name_format", "number", "name"),
    [
        ("SC{year}{counter:letters}", 1, "SC2026a"),
        ("SC{year}{counter:letters}", 26, "SC2026z"),
        ("SC{year}{counter:letters}", 27, "SC2026aa"),
        ("SC{year}{counter:letters}", 18279, "SC2026aaaa"),
        ("LS4-{year}-{counter:05d}", 7, "LS4-2026-00007"),
    ],
)
def test_names_count_in_letters_or_digits(name_format: str, number: int, name: str) -> None:
    assert object_name(AssociationParams(name_format=name_format).name_format, 2026, number) == name


@pytest.mark.parametrize(
    "name_format", ["SC{year}", "SC{counter}", "SC{night}{counter}", "SC{year}{counter:kg}", "{"]
)
def test_formats_that_make_no_unique_names_are_refused(name_format: str) -> None:
    with pytest.raises(ValueError, match="name_format"):
        AssociationParams(name_format=name_format)


def test_largest_radius_is_not_the_smaller_one() -> None:
    with pytest.raises(ValueError, match="smaller than"):
        AssociationParams(radius_arcsec=5.0)


@pytest.mark.parametrize("radius", [0.05, 11.0])
def test_radii_out_of_bounds_are_refused(radius: float) -> None:
    with pytest.raises(ValueError, match="radius_arcsec"):
        AssociationParams(radius_arcsec=radius)

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames.mapping import deproject
from seechange_core.imaging.alignment.overlap import distance_outside_deg, middle, overlap_fraction


def square(
    centre: tuple[float, float], side_deg: float, turned_deg: float = 0.0, shift_deg: float = 0.0
) -> tuple:
    angle = np.radians(turned_deg + np.array([45.0, 135.0, 225.0, 315.0]))
    radius = side_deg / np.sqrt(2)
    return deproject(radius * np.cos(angle) + shift_deg, radius * np.sin(angle), centre)


@pytest.mark.parametrize("centre", [(150.0, 2.0), (0.0, -30.0), (359.99, 60.0), (77.0, 89.99), (10.0, -90.0)])
def test_known_overlaps(centre: tuple[float, float]) -> None:
    own = square(centre, 0.2)
    assert overlap_fraction(*own, *own) == pytest.approx(1.0)
    assert overlap_fraction(*own, *square(centre, 0.4)) == pytest.approx(1.0)
    assert overlap_fraction(*own, *square(centre, 0.1)) == pytest.approx(0.25)
    # The tangent plane of the shifted square's own centre is not that of the first: 1e-5 is their difference.
    assert overlap_fraction(*own, *square(centre, 0.2, shift_deg=0.05)) == pytest.approx(0.75, abs=1e-5)
    assert overlap_fraction(*own, *square(centre, 0.2, shift_deg=0.3)) == 0.0
    # A square turned by 45 degrees leaves an octagon: 2 (sqrt(2) - 1).
    assert overlap_fraction(*own, *square(centre, 0.2, turned_deg=45.0)) == pytest.approx(2 * (2**0.5 - 1))


def test_order_of_the_corners_is_of_no_effect() -> None:
    ra, dec = square((150.0, 2.0), 0.2)
    other = square((150.0, 2.0), 0.2, shift_deg=0.05)
    assert overlap_fraction(ra[::-1], dec[::-1], *other) == pytest.approx(overlap_fraction(ra, dec, *other))


def test_opposite_sides_of_the_sky_do_not_overlap() -> None:
    assert overlap_fraction(*square((10.0, 20.0), 0.2), *square((190.0, -20.0), 0.2)) == 0.0


def test_middle_crosses_right_ascension_zero() -> None:
    assert middle([359.9, 0.1], [1.0, 1.0])[0] % 360 == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("centre", [(150.0, 2.0), (0.0, -30.0), (77.0, 89.99)])
def test_distance_outside_a_footprint(centre: tuple[float, float]) -> None:
    corners = np.transpose(square(centre, 0.2))

    def distance(xi: float, eta: float) -> float:
        ra, dec = deproject(xi, eta, centre)
        return distance_outside_deg(corners, float(ra), float(dec))

    assert distance(0.0, 0.0) == distance(0.09, -0.09) == 0.0
    # The tangent plane of the position is not that of the centre: 1e-5 is their difference.
    assert distance(0.13, 0.05) == pytest.approx(0.03, rel=1e-3)
    assert distance(0.13, -0.14) == pytest.approx(0.05, rel=1e-3)
    assert distance_outside_deg(corners, (centre[0] + 180.0) % 360.0, -centre[1]) == float("inf")

"""Pairs of neighbours and the probability of pairs by chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from seechange_core.imaging.astrometry.chance_matches import coverage, expected_pairs, log10_poisson
from seechange_core.imaging.astrometry.offset_voting import linear_part, vote
from seechange_core.imaging.astrometry.pairing import mutual_pairs


@pytest.mark.parametrize("radius", [0.5, 5.0, 200.0])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (50, 700), (400, 30), (300, 300)])
def test_pairs_are_those_of_all_distances(n: int, m: int, radius: float) -> None:
    rng = np.random.default_rng(n + m)
    x, y = rng.uniform(-20, 120, (2, n))
    x_other, y_other = rng.uniform(0, 100, (2, m))
    distance = np.hypot(x[:, None] - x_other, y[:, None] - y_other)
    nearest, back = distance.argmin(axis=1), distance.argmin(axis=0)
    wanted = [i for i in range(n) if back[nearest[i]] == i and distance[i, nearest[i]] <= radius]
    one, two = mutual_pairs(x, y, x_other, y_other, radius)
    assert one.tolist() == wanted
    assert two.tolist() == nearest[wanted].tolist()


def test_points_that_are_not_finite_have_no_pair() -> None:
    x, y = np.array([np.nan, 1.0, 2.0]), np.array([0.0, 1.0, np.inf])
    one, two = mutual_pairs(x, y, np.array([np.nan, 1.1]), np.array([1.0, 1.0]), 1.0)
    assert (one.tolist(), two.tolist()) == ([1], [1])
    assert len(mutual_pairs(x[:1], y[:1], x, y, 1.0)[0]) == 0


@pytest.mark.parametrize(("count", "expected"), [(5, 0.1), (40, 12.0), (300, 100.0), (3, 2.9)])
def test_probability_of_a_count(count: int, expected: float) -> None:
    wanted = poisson.logsf(count - 1, expected) / np.log(10.0)
    assert log10_poisson(count, expected) == pytest.approx(wanted, abs=0.35)


def test_likely_counts_are_no_evidence() -> None:
    assert log10_poisson(3, 4.0) == 0.0
    assert log10_poisson(0, 0.0) == 0.0
    assert log10_poisson(3, 0.0) < -100


def test_expected_pairs_are_those_of_unrelated_lists() -> None:
    rng = np.random.default_rng(1)
    counted, expected = [], []
    for _ in range(30):
        x, y = rng.uniform(0, 1000, (2, 400))
        other_x, other_y = rng.uniform(0, 1000, (2, 500))
        counted.append(len(mutual_pairs(x, y, other_x, other_y, 5.0)[0]))
        expected.append(expected_pairs(x, y, other_x, other_y, 5.0))
    # The density alone counts pairs that are not mutual.
    assert np.mean(counted) < np.mean(expected) < 1.3 * np.mean(counted)


def test_clusters_of_both_lists_make_pairs_likely() -> None:
    rng = np.random.default_rng(2)
    centres = rng.uniform(0, 1000, (2, 10))
    members = rng.integers(0, 10, (2, 400))
    x, y = centres[:, members[0]] + rng.normal(0, 20, (2, 400))
    other_x, other_y = centres[:, members[1]] + rng.normal(0, 20, (2, 400))
    found = len(mutual_pairs(x, y, other_x, other_y, 2.0)[0])
    assert expected_pairs(x, y, other_x, other_y, 2.0) > 0.6 * found
    assert found > 5 * 400 * 400 * np.pi * 4 / 1e6


def test_coverage() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 1000, (2, 500))
    assert coverage(x[:100], y[:100], (x, y)) == pytest.approx(1.0, abs=0.3)
    corner = (x < 200) & (y < 200)
    far = np.append(np.flatnonzero(corner), [0, 1])
    assert coverage(x[far], y[far], (x, y)) < 0.1
    assert coverage(x[:2], y[:2], (x, y)) == 0.0


@pytest.mark.parametrize("mirrored", [False, True])
def test_votes_find_an_offset(mirrored: bool) -> None:
    rng = np.random.default_rng(4)
    u, v = rng.uniform(-500, 500, (2, 60))
    p, q = linear_part(0.02, 1.01, mirrored) @ np.stack([u, v]) + np.array([[33.0], [-71.0]])
    p, q = np.append(p, rng.uniform(-600, 600, 200)), np.append(q, rng.uniform(-600, 600, 200))
    trials = [(0.02, 1.01, mirrored), (0.0, 1.0, not mirrored)]
    best, *_ = vote(u, v, p, q, 100.0, 5.0, trials)
    assert best.mirrored == mirrored
    assert best.shift == pytest.approx((33.0, -71.0), abs=5.0)
    assert best.log10_chance < -20


def test_sources_in_one_place_do_not_outvote_stars() -> None:
    rng = np.random.default_rng(5)
    u, v = rng.uniform(-500, 500, (2, 40))
    p, q = u + 20.0, v - 30.0
    streak = 100.0 + 0.1 * np.arange(300)
    best, *_ = vote(np.append(u, streak), np.append(v, streak), p, q, 100.0, 5.0, [(0.0, 1.0, False)])
    assert best.shift == pytest.approx((20.0, -30.0), abs=5.0)

"""Which images enter a reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seechange_core.steps.referencing import Candidate, ReferencingParams, choose

GOOD = Candidate("first", "N3", 57123.16, 114.0, 1.1, 3, 0.05)
LATER = replace(GOOD, image="later", mjd=57828.26, seeing_arcsec=1.0)


def square(shift: float) -> list[list[float]]:
    """Corners of a square of 0.1 degrees, shifted by a part of its side."""
    return [[10.0 + 0.1 * (x + shift), 0.1 * y] for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]


def test_best_seeing_first() -> None:
    assert choose([GOOD, LATER], ReferencingParams()) == ([LATER, GOOD], {})


def test_an_exposure_enters_once_however_often_it_was_reduced() -> None:
    """Reductions differ in their files, so in their identity, and possibly in the last digits of the time."""
    worse = replace(GOOD, image="worse", mjd=GOOD.mjd + 1e-7, seeing_arcsec=1.2)
    other_ccd = replace(GOOD, image="other ccd", section="S1", seeing_arcsec=1.3)
    next_exposure = replace(GOOD, image="next", mjd=GOOD.mjd + 140.0 / 86400.0, seeing_arcsec=1.4)
    chosen, left_out = choose([worse, GOOD, other_ccd, next_exposure], ReferencingParams())
    assert chosen == [GOOD, other_ccd, next_exposure]
    assert left_out == {"worse": "another reduction of the same exposure is used"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seeing_arcsec": 3.5}, "seeing 3.50 > 3 arcsec"),
        ({"seeing_arcsec": float("nan")}, "seeing nan > 3 arcsec"),
        ({"n_stars": 0}, "0 stars < 1"),
        ({"zero_point_scatter_mag": 0.25}, "zero point scatter 0.250 > 0.2 mag"),
    ],
)
def test_bad_images_are_left_out_with_the_reason(change: dict[str, float], reason: str) -> None:
    bad = replace(LATER, **change)
    assert choose([GOOD, bad], ReferencingParams()) == ([GOOD], {"later": reason})


@pytest.mark.parametrize(
    ("params", "change", "reason"),
    [
        ({"min_limiting_mag": 22.0}, {"limiting_mag": 21.5}, "limit 21.50 < 22 mag"),
        ({"min_limiting_mag": 22.0}, {"limiting_mag": float("nan")}, "limit nan < 22 mag"),
        ({"min_sky_mag_arcsec2": 20.0}, {"sky_mag_arcsec2": 19.0}, "sky 19.00 < 20 mag/arcsec2"),
        ({"min_coverage": 0.8}, {"corners": square(0.5)}, "covers 0.50 < 0.8 of the best image"),
    ],
)
def test_depth_sky_and_coverage_count_where_the_profile_says_so(
    params: dict[str, float], change: dict[str, object], reason: str
) -> None:
    best = replace(LATER, limiting_mag=23.0, sky_mag_arcsec2=21.0, corners=square(0.0))
    other = replace(best, image="other", mjd=57900.0, seeing_arcsec=1.5, **change)
    assert choose([best, other], ReferencingParams(**params)) == ([best], {"other": reason})
    assert choose([best, other], ReferencingParams()) == ([best, other], {})


def test_no_more_than_wanted() -> None:
    chosen, left_out = choose([GOOD, LATER], ReferencingParams(max_images=1))
    assert chosen == [LATER]
    assert left_out == {"first": "1 images with better seeing are used"}

"""Hundreds of random fields as lists of sources and stars: solved or rejected, never wrong, and as good as can be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from seechange_core.errors import Rejected
from seechange_core.frames import SkyMapping
from seechange_core.frames.polynomial import design_matrix
from seechange_core.imaging.astrometry.astrometric_fit import AstrometricFit
from seechange_core.imaging.astrometry.star_astrometry import fit_to_stars
from seechange_core.simulation.source_lists import FieldConditions, ListedField, listed_field, wrong_header
from tests.extent import WHOLE

MIN_SNR = 8.0
#: Random fields; and of those tests that try a special case.
N_FIELDS, N_SPECIAL = (150, 60) if WHOLE else (60, 24)
Record = Callable[[str, float, str], None]


def solved(field: ListedField, first: SkyMapping, max_offset_arcsec: float = 180.0) -> AstrometricFit:
    fit, _ = fit_to_stars(
        field.sources,
        field.stars,
        first,
        field.shape,
        max_offset_arcsec=max_offset_arcsec,
        min_stars=8,
        min_snr=MIN_SNR,
        max_degree=3,
        max_log10_chance=-4.0,
    )
    return fit


def bad_header(rng: np.random.Generator, field: ListedField, max_offset_arcsec: float) -> SkyMapping:
    """Off by up to this, 2 degrees and 2 %, one in five mirrored."""
    reach, angle = max_offset_arcsec * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
    return wrong_header(
        field.truth,
        field.shape,
        (reach * math.cos(angle), reach * math.sin(angle)),
        rng.uniform(-2, 2),
        rng.uniform(0.98, 1.02),
        bool(rng.random() < 0.2),
    )


@dataclass
class Outcome:
    """How many fields had 20 detected stars in common with the catalogue, and what became of them."""

    solvable: int = 0
    solved: int = 0
    wrong: int = 0

    def add(self, field: ListedField, first: SkyMapping, max_offset_arcsec: float) -> None:
        try:
            right = field.rms_pixel(solved(field, first, max_offset_arcsec).mapping) <= 1.0
            self.wrong += not right
        except Rejected:
            right = False
        solvable = field.n_common(MIN_SNR) >= 20
        self.solvable += solvable
        self.solved += solvable and right


@pytest.mark.slow
def test_random_fields_are_solved_or_rejected(seed: int, record_figure: Record) -> None:
    outcome = Outcome()
    for number in range(N_FIELDS):
        rng = np.random.default_rng([seed, number])
        field = listed_field(rng, FieldConditions.draw(rng))
        outcome.add(field, bad_header(rng, field, 180.0), 180.0)
    record_figure("random_fields_solvable", outcome.solvable, "")
    record_figure("random_fields_solved", outcome.solved, "")
    record_figure("random_fields_wrong", outcome.wrong, "")
    assert outcome.wrong == 0
    assert outcome.solved >= 0.98 * outcome.solvable
    assert outcome.solvable > 0.7 * N_FIELDS


@pytest.mark.slow
def test_wide_field_camera_with_a_header_off_by_6_arcmin(seed: int, record_figure: Record) -> None:
    """Pixels of 1 arcsec, as LS4 has."""
    outcome = Outcome()
    for number in range(N_SPECIAL):
        rng = np.random.default_rng([seed, number, 1])
        conditions = replace(FieldConditions.draw(rng), seeing_arcsec=rng.uniform(2.0, 5.0))
        field = listed_field(rng, conditions, scale_arcsec=1.0177, margin_arcsec=420.0)
        outcome.add(field, bad_header(rng, field, 360.0), 360.0)
    record_figure("wide_fields_solvable", outcome.solvable, "")
    record_figure("wide_fields_solved", outcome.solved, "")
    assert outcome.wrong == 0
    assert outcome.solved >= 0.98 * outcome.solvable
    assert outcome.solvable > 0.66 * N_SPECIAL


@pytest.mark.slow
def test_stars_of_another_place_are_never_accepted(seed: int, record_figure: Record) -> None:
    """Sources of one field and stars of another, with trails, blends and holes in both."""
    accepted = 0
    for number in range(N_SPECIAL):
        rng = np.random.default_rng([seed, number, 2])
        conditions = FieldConditions.draw(rng)
        field, other = listed_field(rng, conditions), listed_field(rng, conditions)
        # Both are about the same place of the sky, so that the stars lie on the image.
        mixed = replace(field, stars=other.stars)
        try:
            solved(mixed, wrong_header(field.truth, field.shape, (20.0, 30.0)))
            accepted += 1
        except Rejected:
            pass
    record_figure("unrelated_fields_accepted", accepted, f"of {N_SPECIAL}")
    assert accepted == 0


def limit_pixel(field: ListedField) -> float:
    """Error along one axis, rms over the image, of a cubic fitted with ideal weights to all stars in common."""
    table = field.sources
    rows = np.flatnonzero((table["star"] >= 0) & (table["snr"] >= MIN_SNR) & (table["mask"] == 0))
    star_error = field.stars["ra_error"][table["star"][rows]] / 260.0
    weight = 1.0 / np.hypot(table["x_error"][rows], star_error)
    design = terms(table["x"][rows], table["y"][rows], field.shape) * weight[:, None]
    covariance = np.linalg.inv(design.T @ design)
    y, x = np.meshgrid(*(np.linspace(0, side - 1, 17) for side in field.shape), indexing="ij")
    grid = terms(x.ravel(), y.ravel(), field.shape)
    return float(np.sqrt(np.mean(np.einsum("ij,jk,ik->i", grid, covariance, grid))))


def terms(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return design_matrix(2 * x / shape[1] - 1, 2 * y / shape[0] - 1, 3)


@pytest.mark.slow
def test_errors_are_near_the_statistical_limit(seed: int, record_figure: Record) -> None:
    """In sparse and crowded fields alike, though blends and stars that moved are in none of the quoted errors."""
    ratios, quoted = [], []
    for number in range(60):
        rng = np.random.default_rng([seed, number, 3])
        conditions = replace(FieldConditions.draw(rng), dead=0.0)
        field = listed_field(rng, conditions)
        if field.n_common(MIN_SNR) < 80:
            continue
        fit = solved(field, wrong_header(field.truth, field.shape, (10.0, -15.0)))
        error = field.rms_pixel(fit.mapping) / math.sqrt(2.0)
        ratios.append(error / limit_pixel(field))
        quoted.append(fit.mapping.error_mas / 260.0 / error)
    record_figure("random_fields_rms_over_statistical_limit", float(np.mean(ratios)), "")
    record_figure("random_fields_quoted_error_over_rms", float(np.median(quoted)), "")
    # A mean of 30 or more ratios, each of which scatters by a fifth.
    assert len(ratios) > 30
    assert np.mean(ratios) < 1.2
    assert 0.8 < np.median(quoted) < 1.3


@pytest.mark.parametrize(
    ("n_sources", "degree", "limit_pixel"), [(12, 1, 2.0), (40, 2, 0.7), (500, 3, 0.05), (20_000, 3, 0.01)]
)
def test_degree_follows_the_number_of_stars(n_sources: int, degree: int, limit_pixel: float) -> None:
    # Bright enough that nearly all are seen and listed.
    conditions = FieldConditions(4 * n_sources, 0.7, 20.0, 31.0, missing=0.0, false=0.0)
    field = listed_field(np.random.default_rng(5), conditions)
    bright = field.sources.rows(np.flatnonzero(field.sources["star"] >= 0)[:n_sources])
    fit = solved(replace(field, sources=bright), wrong_header(field.truth, field.shape, (5.0, 5.0)))
    assert fit.degree == degree
    assert field.rms_pixel(fit.mapping) < limit_pixel


def test_half_an_image_without_stars_does_not_spoil_the_other() -> None:
    """The mapping is bounded where nothing is seen, and its quoted error says what it is."""
    for number in range(10):
        rng = np.random.default_rng(number)
        field = listed_field(rng, FieldConditions(1000, 1.0, 300.0, 30.0, dead=0.5))
        fit = solved(field, wrong_header(field.truth, field.shape, (15.0, 0.0), 0.3))
        assert field.rms_pixel(fit.mapping) < 1.0
        assert fit.mapping.error_mas < 130.0


def test_match_of_a_part_of_the_image_is_rejected() -> None:
    """Fifty stars in a corner agree; the rest of the catalogue is of another place."""
    rng = np.random.default_rng(8)
    conditions = FieldConditions(2000, 1.0, 300.0, 30.0)
    field, other = listed_field(rng, conditions), listed_field(rng, conditions)
    x, y = field.truth.sky_to_pixel(field.stars["ra"], field.stars["dec"])
    corner = (x < 500) & (y < 1000)
    columns = {
        name: np.concatenate([field.stars[name][corner], other.stars[name][~in_corner(other, field.truth)]])
        for name in field.stars
    }
    mixed = replace(field, stars=type(field.stars)(columns, field.stars.meta))
    with pytest.raises(Rejected):
        solved(mixed, wrong_header(field.truth, field.shape, (3.0, 3.0)))


def in_corner(field: ListedField, truth: SkyMapping) -> np.ndarray:
    x, y = truth.sky_to_pixel(field.stars["ra"], field.stars["dec"])
    return np.asarray((x < 500) & (y < 1000))

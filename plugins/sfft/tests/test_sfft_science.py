"""Subtraction in Fourier space of simulated pairs against their truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from seechange_core.simulation.image_pair import CONDITIONS, image_pair
from seechange_core.simulation.pair import simulated_pair
from seechange_core.testing.fitted_kernel import FittedKernelScience, usual_pair
from seechange_core.testing.subtraction import changed_pair, subtraction_figures
from seechange_sfft import Sfft

Record = Callable[[str, float, str], None]


class TestSfftScience(FittedKernelScience):
    component = Sfft
    rejection = "0 sources with a peak above 20 sigma"


def test_crowded_field(seed: int, record_figure: Record) -> None:
    crowded = image_pair(seed, (1024, 1024), replace(CONDITIONS["aligned"], n_stars=30_000))
    difference = Sfft().subtract(crowded.pair)
    measured = subtraction_figures(crowded, difference)
    assert difference.metrics["n_sources"] > 60
    # Faint stars are everywhere, so that little of the sky is empty.
    assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
    assert measured.n_missed_bright == 0
    assert measured.n_false <= 3
    record_figure("sfft_crowded_score_scatter", measured.score_scatter, "sigma")
    record_figure("sfft_crowded_false", measured.n_false, "in an eighth of a CCD")


def test_shift_of_an_undersampled_pair_stays_uncertain(seed: int) -> None:
    undersampled = image_pair(seed, (512, 512), CONDITIONS["undersampled"])
    metrics = Sfft().subtract(undersampled.pair).metrics
    assert metrics["misfit"] > 0.02
    assert metrics["registration_error_x"] == pytest.approx(0.3, abs=0.03)
    assert metrics["registration_error_y"] == pytest.approx(0.4, abs=0.03)


def test_kernel_needs_no_psf(seed: int) -> None:
    unknown = changed_pair(usual_pair(seed), new_psf=None, ref_psf=None)
    measured = subtraction_figures(unknown, Sfft().subtract(unknown.pair))
    assert measured.score_scatter == pytest.approx(1.0, abs=0.03)
    assert measured.n_false <= 4


def test_kernel_varies_less_where_sources_are_few() -> None:
    few = simulated_pair(1, (512, 512), n_stars=150, n_galaxies=0, n_transients=0)
    metrics = Sfft().subtract(few.pair).metrics
    assert 3 <= metrics["n_sources"] < 12
    assert metrics["spatial_degree"] == 0

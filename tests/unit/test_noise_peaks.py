"""The number of peaks that noise has."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seechange_core.simulation.noise_peaks import (
    count_noise_peaks,
    expected_noise_peaks,
    neighbour_correlation,
)


@pytest.mark.parametrize("threshold", [4.0, 4.4])
def test_gaussian_field_has_the_expected_peaks(threshold: float) -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((2048, 1536)).astype(np.float32)
    field = gaussian_filter(noise, 2.4, mode="wrap")
    field /= field.std()
    correlation = neighbour_correlation(field, np.ones(field.shape, bool))
    # The autocorrelation of a smoothing by sigma is exp(-r^2 / 4 sigma^2), of curvature 1 / 2 sigma^2.
    assert correlation[0] == pytest.approx(np.exp([-1 / 23.04, -4 / 23.04]), abs=0.005)
    expected = expected_noise_peaks(field, threshold, correlation)
    area, curvature = field.size, 1 / 11.52
    formula = 2 * area * curvature * (2 * np.pi) ** -1.5 * threshold * np.exp(-(threshold**2) / 2)
    assert expected == pytest.approx(formula, rel=0.02)
    assert abs(count_noise_peaks(field, threshold) - expected) < 3 * np.sqrt(expected)


def test_unknown_pixels_have_no_peaks() -> None:
    score = np.zeros((20, 20), np.float32)
    score[5, 5], score[12, 12], score[3, 15] = 6.0, np.nan, -6.0
    assert count_noise_peaks(score, 5.0) == 2

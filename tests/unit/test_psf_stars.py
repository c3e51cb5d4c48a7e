"""Which sources a PSF is fitted to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seechange_core.frames import SourceTable
from seechange_core.imaging.psf.stars import choose_stars, common_width

FWHM = 6.0


def sources(n_stars: int, n_pieces: int) -> SourceTable:
    """Round stars of one width, and brighter pieces of a trail, long and alike."""
    rng = np.random.default_rng(5)
    n = n_stars + n_pieces
    sigma = FWHM / 2.3548
    a = np.r_[sigma * rng.normal(1.0, 0.01, n_stars), rng.normal(20.0, 0.05, n_pieces)]
    b = np.r_[a[:n_stars], np.full(n_pieces, sigma)]
    flux = np.r_[np.full(n_stars, 1e4), np.full(n_pieces, 1e5)]
    return SourceTable(
        {
            "x": 100.0 * np.arange(n),
            "y": np.full(n, 50.0),
            "x_error": np.full(n, 0.01),
            "y_error": np.full(n, 0.01),
            "flux": flux,
            "flux_error": np.full(n, 100.0),
            "snr": flux / 100.0,
            "a": a,
            "b": b,
            "theta": np.zeros(n),
            "peak": flux / 40.0,
            "flags": np.zeros(n, np.int32),
            "mask": np.zeros(n, np.uint16),
            "is_star": np.zeros(n, bool),
        },
        {},
    )


def test_pieces_of_a_trail_do_not_set_the_width_of_stars() -> None:
    table = sources(8, 20)
    fwhm = common_width(table, 20.0)
    assert fwhm == pytest.approx(FWHM, rel=0.03)
    chosen = choose_stars(
        table, fwhm, min_snr=20.0, max_stars=100, max_contamination=0.01, max_ellipticity=0.1
    )
    assert sorted(chosen) == list(range(8))


def test_a_trail_alone_has_no_stars() -> None:
    assert math.isnan(common_width(sources(0, 20), 20.0))

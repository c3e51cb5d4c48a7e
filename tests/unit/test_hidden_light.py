"""Light of neighbours that a star hides, against integrals over a field without structure."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.imaging.photometry.hidden_light import hidden_light

FWHM, SHAPE, SKY = 5.0, (800, 900), 1e6


def scattered(density: float, relative: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sources of one flux, so many to a pixel, beside stars of 1000 electrons."""
    rng = np.random.default_rng(2)
    n = int(density * SHAPE[0] * SHAPE[1])
    return rng.uniform(0, SHAPE[1], n), rng.uniform(0, SHAPE[0], n), np.full(n, 1000.0 * relative)


def expected(density: float, relative: float) -> float:
    """What light where the sky decides about the weights comes to: the PSF's own overlap, as far as it hides."""
    radius = (np.arange(4000) + 0.5) / 200.0 * FWHM
    core = 0.5 * FWHM / np.sqrt(2.0**0.4 - 1.0)
    profile = (1.0 + (radius / core) ** 2) ** -2.5
    ring = 2.0 * np.pi * radius * FWHM / 200.0
    overlap = profile / (ring * profile**2).sum() * (ring * profile).sum()
    return density * relative * (ring * overlap)[profile > relative].sum()


@pytest.mark.parametrize("relative", [0.01, 0.1])
def test_mean_light_is_that_of_the_hidden_area(relative: float) -> None:
    density = 0.01
    found = hidden_light(np.full(7, 1000.0), *scattered(density, relative), FWHM, SHAPE, SKY)
    assert found.mean() == pytest.approx(expected(density, relative), rel=0.1)


def test_bright_stars_take_light_in_from_farther_out() -> None:
    sources = scattered(0.01, 0.001)
    faint = hidden_light(np.array([1000.0]), *sources, FWHM, SHAPE, SKY).mean()
    bright = hidden_light(np.array([1000.0]), *sources, FWHM, SHAPE, 1.0).mean()
    assert bright > 1.3 * faint


def test_sparse_fields_hide_next_to_nothing() -> None:
    # 2 stars a square arcminute at 0.26 arcsec a pixel.
    x, y, flux = scattered(2.0 * (0.26 / 60.0) ** 2, 0.05)
    assert hidden_light(np.full(3, 1000.0), x, y, flux, FWHM, SHAPE, SKY).mean() < 3e-4
    assert not hidden_light(np.full(3, 1000.0), x[:0], y[:0], flux[:0], FWHM, SHAPE, SKY).any()

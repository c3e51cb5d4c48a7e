"""What counts as found in the demonstration."""

from __future__ import annotations

import numpy as np

from seechange_core.commands.demonstration.comparison import match_radius_pixel


def test_the_radius_of_a_match_follows_the_position_error() -> None:
    errors = {
        "x_error": np.array([0.1, 0.6, 0.3, np.nan], np.float32),
        "y_error": np.array([0.1, 0.6, 0.7, 0.2], np.float32),
    }
    # 3 sigma along one axis (the mean of both), at least 1 pixel, also where there is no error.
    expected = [1.0, 1.8, 3 * np.sqrt((0.3**2 + 0.7**2) / 2), 1.0]
    np.testing.assert_allclose(match_radius_pixel(errors), expected, rtol=1e-6)

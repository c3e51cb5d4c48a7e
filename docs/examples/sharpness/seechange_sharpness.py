"""A plugin for SeeChange: a scorer that trusts what is as wide as the PSF and touches no bad pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from seechange_core.api import Params, Scorer, hookimpl, parameter
from seechange_core.frames import Floats, MeasurementTable, Stamps


class SharpnessParams(Params):
    """Parameters of `Sharpness`."""

    tolerance: float = parameter(
        0.2, description="Deviation of the width ratio from 1 that lowers the score to 0.6", gt=0
    )


class Sharpness(Scorer):
    """Score by the width of a candidate in units of the width of the PSF."""

    name = "sharpness"
    version = "1.0"
    Params = SharpnessParams

    def score(self, stamps: Stamps, measurements: MeasurementTable) -> tuple[Floats, list[dict[str, Any]]]:
        """Return a Gaussian of the width ratio around 1, and 0 where a pixel is bad."""
        deviation = (measurements["width_ratio"] - 1.0) / self.params.tolerance
        score = np.where(measurements["n_bad"] > 0, 0.0, np.exp(-0.5 * deviation**2))
        return score, [{"deviation": float(value)} for value in deviation]


@hookimpl
def register_scorers() -> list[type[Scorer]]:
    """Offer the scorer under its name."""
    return [Sharpness]

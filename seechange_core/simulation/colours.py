"""Colours of simulated stars."""

from __future__ import annotations

#: Gaia (Vega) to the simulated filters (AB): m = G + sum of c_i (BP - RP)^i, for BP - RP from 0.3 to 3.
GAIA_TO_FILTER: dict[str, tuple[float, ...]] = {
    "g": (-0.10, 0.55, 0.08),
    "r": (0.12, -0.25, 0.10),
    "i": (0.30, -0.60, 0.05),
}
COLOUR_RANGE = (0.3, 3.0)

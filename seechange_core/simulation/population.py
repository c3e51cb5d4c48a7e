"""Random stars and galaxies with plausible numbers, colours, sizes and shapes."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Floats
from seechange_core.simulation.colours import COLOUR_RANGE
from seechange_core.simulation.galaxies import half_light_ratio

#: Slopes of the counts: log10 N per magnitude.
_STAR_SLOPE = 0.22
_GALAXY_SLOPE = 0.32
#: Spergel's nu of discs (three in five) and of more concentrated galaxies.
_INDICES = (0.5, 0.5, 0.5, 0.0, -0.5)


def star_magnitudes(
    rng: np.random.Generator, number: int, limits: tuple[float, float] = (14.0, 24.5)
) -> Floats:
    """Return magnitudes between limits with counts proportional to 10^(0.22 m)."""
    return _magnitudes(rng, number, limits, _STAR_SLOPE)


def star_colours(rng: np.random.Generator, number: int) -> Floats:
    """Return Gaia's BP - RP (Vega) of stars: from 0.3 to 3, most near 1.1."""
    return np.clip(0.5 + rng.gamma(2.5, 0.3, number), *COLOUR_RANGE)


def galaxy_columns(
    rng: np.random.Generator, number: int, limits: tuple[float, float] = (17.0, 24.5)
) -> dict[str, Floats]:
    """Return magnitude and shape of galaxies; counts are proportional to 10^(0.32 m).

    Returns
    -------
    dict of arrays of shape (number,)
        ``magnitude``; ``half_light_arcsec``, ``radius_arcsec`` (scale radius), both the geometric mean of the
        axes; ``axis_ratio``; ``angle`` (radian); ``index`` (Spergel's nu).
    """
    magnitude = _magnitudes(rng, number, limits, _GALAXY_SLOPE)
    scatter = rng.standard_normal(number)
    half_light = np.clip(10.0 ** (0.1 - 0.11 * (magnitude - 19.0) + 0.15 * scatter), 0.2, 4.0)
    index = rng.choice(_INDICES, number)
    ratios = {value: half_light_ratio(value) for value in set(_INDICES)}
    return {
        "magnitude": magnitude,
        "half_light_arcsec": half_light,
        "radius_arcsec": half_light / np.array([ratios[value] for value in index]),
        "axis_ratio": rng.uniform(0.3, 1.0, number),
        "angle": rng.uniform(0.0, np.pi, number),
        "index": index,
    }


def _magnitudes(rng: np.random.Generator, number: int, limits: tuple[float, float], slope: float) -> Floats:
    low, high = (10.0 ** (slope * limit) for limit in limits)
    return np.log10(low + rng.random(number) * (high - low)) / slope

"""Magnitudes of catalogue stars in the filter of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seechange_core.frames import Floats, StarTable


@dataclass(frozen=True)
class StarMagnitudes:
    """Magnitudes (AB) with errors (0 where unknown), each of shape (n,)."""

    magnitude: Floats
    error: Floats


def filter_magnitudes(
    stars: StarTable,
    filter_name: str,
    base: str = "",
    colour_range: tuple[float, float] = (-np.inf, np.inf),
    coefficients: tuple[float, ...] = (),
) -> StarMagnitudes | None:
    """Return AB magnitudes in a filter: the catalogue's own where it has them, else transformed from Gaia's.

    Parameters
    ----------
    stars : StarTable
        With ``mag_<filter>`` in AB, or ``mag_G``, ``mag_BP``, ``mag_RP``.
    filter_name : str
        Of the image.
    base : str
        Gaia band that the transformation starts from; empty for no transformation.
    colour_range : tuple of float
        BP - RP is clipped to it.
    coefficients : tuple of float
        m = base + sum of c_i (BP - RP)^i.

    Returns
    -------
    StarMagnitudes or None
        None if the catalogue knows neither.
    """
    colour = _column(stars, "mag_BP") - _column(stars, "mag_RP")
    colour_error = np.hypot(_error(stars, "mag_BP"), _error(stars, "mag_RP"))
    own = f"mag_{filter_name}"
    if own in stars and stars.meta.get("system", {}).get(filter_name, "ab") == "ab":
        return StarMagnitudes(_column(stars, own), _error(stars, own))
    if not base or f"mag_{base}" not in stars or not np.any(np.isfinite(colour)):
        return None
    clipped = np.clip(colour, *colour_range)
    magnitude = _column(stars, f"mag_{base}") + np.polynomial.polynomial.polyval(clipped, coefficients)
    slope = np.polynomial.polynomial.polyval(clipped, np.polynomial.polynomial.polyder(coefficients))
    return StarMagnitudes(magnitude, np.hypot(_error(stars, f"mag_{base}"), slope * colour_error))


def _column(stars: StarTable, name: str) -> Floats:
    return np.asarray(stars[name], np.float64) if name in stars else np.full(stars.n_rows, np.nan)


def _error(stars: StarTable, name: str) -> Floats:
    error = _column(stars, f"{name}_error")
    return np.where(np.isfinite(error), error, 0.0)

"""What the network sees of the measurements: numbers without units, so that it knows neither camera nor zero point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels

_Columns = Mapping[str, NDArray[Any]]


def _log(values: NDArray[Any], low: float, high: float) -> Floats:
    logarithm: Floats = np.log(np.clip(np.asarray(values, np.float64), low, high))
    return logarithm


def _size(columns: _Columns, name: str) -> Floats:
    return np.abs(np.asarray(columns[name], np.float64))


#: Each feature: a function of the columns; one whose columns are missing is unknown.
_FEATURES: tuple[Callable[[_Columns], NDArray[Any]], ...] = (
    lambda c: _log(_size(c, "snr"), 1.0, 1e4) - 3.0,
    lambda c: _log(_size(c, "score") / _size(c, "snr"), 0.1, 10.0),
    lambda c: _log(c["chi2"], 0.1, 1e4),
    lambda c: _log(c["misfit"] + 0.05, 0.05, 10.0) + 1.0,
    lambda c: 2.0 * _log(c["width_ratio"], 0.05, 2.0),
    lambda c: _log(c["elongation"], 1.0, 15.0),
    lambda c: _log(c["peak_ratio"], 0.1, 30.0),
    lambda c: 2.0 * c["dipole_fraction"],
    lambda c: 0.5 * np.log1p(c["n_bad"]),
    lambda c: 0.5 * np.log1p(c["n_negative"]),
    lambda c: 0.5 * np.arcsinh(c["reference_flux"] / _size(c, "flux")),
    lambda c: 0.5 * np.arcsinh(c["new_flux"] / _size(c, "flux")),
    lambda c: np.clip(c["aperture_flux"] / c["flux"], -2.0, 4.0) - 1.0,
    lambda c: _log(_size(c, "x_error") * _size(c, "snr"), 0.05, 50.0),
    lambda c: 0.3 * _log(c["edge_distance"], 1.0, 100.0) - 1.0,
    lambda c: np.asarray(c["mask"] != 0, np.float64),
)
#: Of a row of `network_features`: values, whether they are known, and the sign of the candidate.
N_FEATURES = 2 * len(_FEATURES) + 1


def network_features(columns: _Columns, sign: Floats) -> Pixels:
    """Return what the network takes of each candidate beside its stamps.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
        Such as a `MeasurementTable`. Columns may be missing, and values may be NaN.
    sign : array of shape (n,)
        1 or -1, as `planes.network_planes` returns it.

    Returns
    -------
    array of shape (n, N_FEATURES), float32
        First the values, 0 where unknown, then 1 for each that is known, then the sign.
    """
    values = np.full((len(sign), len(_FEATURES)), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        for number, feature in enumerate(_FEATURES):
            try:
                values[:, number] = feature(columns)
            except KeyError:
                continue
    known = np.isfinite(values)
    return np.column_stack([np.where(known, values, 0.0), known, sign]).astype(np.float32)


def without_measurements(features: Pixels) -> Pixels:
    """Return features of which only the sign is known."""
    result = np.zeros_like(features)
    result[:, -1] = features[:, -1]
    return result

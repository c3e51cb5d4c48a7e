"""What the network sees of a candidate: numbers without units, so that it knows neither camera nor zero point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, MeasurementTable

FEATURES = (
    "log snr",
    "log score/snr",
    "log chi2",
    "log misfit",
    "log width_ratio",
    "log elongation",
    "log peak_ratio",
    "dipole_fraction",
    "log n_bad",
    "log n_negative",
    "asinh reference_flux/flux",
    "asinh new_flux/flux",
    "aperture_flux/flux",
    "log position error times snr",
    "masked core",
    "sign",
)


def measured(measurements: MeasurementTable) -> NDArray[np.bool_]:
    """Return which candidates have a flux."""
    known: NDArray[np.bool_] = np.isfinite(measurements["flux"]) & (measurements["flux"] != 0)
    return known


def features(measurements: MeasurementTable) -> Floats:
    """Return the features of `FEATURES`, one row a candidate; 0 where something could not be measured."""
    flux = np.abs(measurements["flux"])
    snr = np.abs(measurements["snr"]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [
            _log(snr, 1.0, 1e4),
            _log(np.abs(measurements["score"]) / snr, 0.1, 10.0),
            _log(measurements["chi2"], 0.1, 1e4),
            _log(measurements["misfit"] + 0.05, 0.05, 10.0),
            _log(measurements["width_ratio"], 0.05, 2.0),
            _log(measurements["elongation"], 1.0, 15.0),
            _log(measurements["peak_ratio"], 0.1, 30.0),
            measurements["dipole_fraction"],
            np.log1p(measurements["n_bad"]),
            np.log1p(measurements["n_negative"]),
            np.arcsinh(measurements["reference_flux"] / flux),
            np.arcsinh(measurements["new_flux"] / flux),
            np.clip(measurements["aperture_flux"] / measurements["flux"], -2.0, 4.0),
            _log(measurements["x_error"] * snr, 0.05, 50.0),
            measurements["mask"] != 0,
            measurements["flux"] < 0,
        ]
    table: Floats = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    return np.where(np.isfinite(table), table, 0.0)


def _log(values: Floats, low: float, high: float) -> Floats:
    logarithm: Floats = np.log(np.clip(np.asarray(values, np.float64), low, high))
    return logarithm

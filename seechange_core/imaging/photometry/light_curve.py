"""What follows from the fluxes of an object: magnitudes, limits, baselines, total fluxes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats
from seechange_core.frames.photometry import NJY_ZERO_POINT

#: Below, a flux has no magnitude.
_LEAST_SNR = 3.0
_LIMIT_SIGMA = 5.0
#: Epochs that make a baseline, and how far one may lie off it.
_LEAST_EPOCHS = 3
_CLIP_SIGMA = 4.0
_CLIP_ROUNDS = 5
_MAGNITUDES = 2.5 / math.log(10.0)


def magnitudes(flux_njy: Floats, error_njy: Floats) -> tuple[Floats, Floats]:
    """Return AB magnitudes and their errors; NaN where a flux is not positive by 3 sigma."""
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = flux_njy > _LEAST_SNR * error_njy
        magnitude = np.where(seen, NJY_ZERO_POINT - 2.5 * np.log10(np.where(seen, flux_njy, 1.0)), np.nan)
        error = np.where(seen, _MAGNITUDES * error_njy / flux_njy, np.nan)
    return magnitude, error


def limiting_magnitudes(error_njy: Floats) -> Floats:
    """Return the AB magnitudes of five times the errors of fluxes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        limits: Floats = NJY_ZERO_POINT - 2.5 * np.log10(_LIMIT_SIGMA * error_njy)
    return limits


def baselines(
    mjd: Floats, flux: Floats, flux_error: Floats, group: NDArray[np.int64], event: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Return the mean flux of the epochs outside an event, with its error, for each row.

    Parameters
    ----------
    mjd, flux, flux_error : array of shape (n,)
        Rows with NaN have no say.
    group : int array of shape (n,)
        Rows of one group, such as those of one filter and reference, have a baseline in common.
    event : tuple of float
        First and last MJD of the event.

    Returns
    -------
    baseline, error : array of shape (n,)
        Weighted mean, without what lies 4 sigma off it; NaN for groups with fewer than three epochs outside. The error
        is widened where they scatter more than their errors say.
    """
    mean, error = np.full(len(flux), np.nan), np.full(len(flux), np.nan)
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(flux) & (flux_error > 0) & ((mjd < event[0]) | (mjd > event[1]))
    for one in np.unique(group):
        used = usable & (group == one)
        if np.count_nonzero(used) >= _LEAST_EPOCHS:
            mean[group == one], error[group == one] = _clipped_mean(flux[used], flux_error[used])
    return mean, error


def _clipped_mean(flux: Floats, flux_error: Floats) -> tuple[float, float]:
    mean = float(np.median(flux))
    kept = np.ones(len(flux), bool)
    for _ in range(_CLIP_ROUNDS):
        before = kept
        near = np.abs(flux - mean) <= _CLIP_SIGMA * flux_error
        kept = near if np.count_nonzero(near) >= _LEAST_EPOCHS else kept
        mean = float(np.average(flux[kept], weights=flux_error[kept] ** -2))
        if np.array_equal(kept, before):
            break
    chi_square = float((((flux[kept] - mean) / flux_error[kept]) ** 2).sum()) / (np.count_nonzero(kept) - 1)
    return mean, math.sqrt(max(chi_square, 1.0) / float((flux_error[kept] ** -2).sum()))

"""What a difference image is worth, by the truth of a simulated pair: for tests of subtraction algorithms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial import KDTree
from scipy.special import ndtr

from seechange_core.frames import ColumnTable, Difference, Floats
from seechange_core.imaging.subtraction.score_scatter import score_scatter
from seechange_core.simulation.pair import SimulatedPair
from seechange_core.steps.cuts import DEFAULT_CUTS
from seechange_core.steps.detection import DetectionParams, detect

_MATCH_PIXEL = 2.0
_BRIGHT_SNR = 10.0
_FIT_HALF = 8


@dataclass(frozen=True)
class SubtractionFigures:
    """Figures of one difference image; transients on pixels without a score are not counted.

    Parameters
    ----------
    score_scatter : float
        Robust standard deviation of the score away from stars and galaxies.
    n_found : int
        Transients with a detection within 2 pixels.
    n_expected, n_expected_error : float
        How many are expected above the threshold, by their expected signal-to-noise ratios, and its standard deviation.
    n_missed_bright : int
        Transients expected above 10 sigma without a detection.
    n_false : int
        Detections without a transient within one FWHM.
    flux_bias, flux_bias_error : float
        Of PSF photometry at the true positions, weighted by squared signal-to-noise ratio, as a fraction.
    flux_image_bias : float
        The same for the flux image; 0 if there is none.
    pull_mean, pull_rms : float
        Of (measured - true flux) / error of that photometry.
    """

    score_scatter: float
    n_found: int
    n_expected: float
    n_expected_error: float
    n_missed_bright: int
    n_false: int
    flux_bias: float
    flux_bias_error: float
    flux_image_bias: float
    pull_mean: float
    pull_rms: float


def changed_pair(simulated: SimulatedPair, **changes: Any) -> SimulatedPair:
    """Return a simulated pair with fields of its `AlignedPair` replaced."""
    return replace(simulated, pair=replace(simulated.pair, **changes))


def subtraction_figures(
    simulated: SimulatedPair, difference: Difference, threshold: float = 5.0
) -> SubtractionFigures:
    """Compare a difference, which must have a score, with the transients of the simulated pair."""
    detections = detect(difference, DetectionParams(threshold=threshold))
    detections = detections.rows(detections["unusable_fraction"] <= DEFAULT_CUTS["unusable"]["delete"])
    transients = _measurable(simulated.transients, difference)
    x, y, flux, snr = (transients[name] for name in ("x", "y", "flux", "expected_snr"))
    found = _nearest(detections, transients) < _MATCH_PIXEL
    false = _nearest(simulated.transients, detections) > difference.psf.fwhm
    chance = ndtr(snr - threshold)
    measured, error = psf_photometry(difference, x, y)
    weight = (flux / error) ** 2
    known = [
        np.concatenate([simulated.stars[axis], simulated.galaxies[axis], simulated.transients[axis]])
        for axis in "xy"
    ]
    return SubtractionFigures(
        score_scatter=score_scatter(difference, *known),
        n_found=int(found.sum()),
        n_expected=float(chance.sum()),
        n_expected_error=float(np.sqrt(np.sum(chance * (1 - chance)))),
        n_missed_bright=int(np.sum(~found & (snr > _BRIGHT_SNR))),
        n_false=int(false.sum()),
        flux_bias=float(np.average(measured / flux - 1, weights=weight)),
        flux_bias_error=float(1 / np.sqrt(weight.sum())),
        flux_image_bias=_flux_image_bias(difference, x, y, flux, weight),
        pull_mean=float(np.mean((measured - flux) / error)),
        pull_rms=float(np.std((measured - flux) / error)),
    )


def psf_photometry(difference: Difference, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Fit the PSF's flux at positions, weighted with the variance; positions lie at least 8 pixels inside the image.

    Returns
    -------
    flux, error : array of shape (n,)
        Electrons.
    """
    profile = difference.psf.stamps(x, y, 2 * _FIT_HALF + 1)
    offset = np.arange(-_FIT_HALF, _FIT_HALF + 1)
    column, row = (np.floor(values + 0.5).astype(int)[:, None, None] for values in (x, y))
    pixels = row + offset[:, None], column + offset
    weight = 1.0 / difference.variance[pixels].astype(np.float64)
    information = np.sum(weight * profile**2, axis=(1, 2))
    return np.sum(weight * profile * difference.data[pixels], axis=(1, 2)) / information, 1 / np.sqrt(
        information
    )


def _nearest(places: ColumnTable, wanted: ColumnTable) -> Floats:
    """Return the distance (pixel) of each wanted row to the nearest of some places; infinite if there are none."""
    if not places.n_rows or not wanted.n_rows:
        return np.full(wanted.n_rows, np.inf)
    tree = KDTree(np.stack([places["x"], places["y"]], axis=1))
    distance, _ = tree.query(np.stack([wanted["x"], wanted["y"]], axis=1))
    return np.asarray(distance)


def _measurable(transients: ColumnTable, difference: Difference) -> ColumnTable:
    if difference.score is None:
        raise ValueError("the difference has no score")
    row, column = (np.floor(transients[axis] + 0.5).astype(int) for axis in "yx")
    return transients.rows(np.isfinite(difference.score[row, column]))


def _flux_image_bias(difference: Difference, x: Floats, y: Floats, flux: Floats, weight: Floats) -> float:
    """Compare with the flux image, which holds the flux of a source in the middle of each pixel."""
    if difference.flux is None:
        return 0.0
    # The response of the filter to a source off the pixel's middle, from two profiles of the same PSF.
    size = 2 * _FIT_HALF + 1
    row, column = (np.floor(values + 0.5).astype(int) for values in (y, x))
    moved, centred = difference.psf.stamps(x, y, size), difference.psf.stamps(column, row, size)
    response = np.sum(moved * centred, axis=(1, 2)) / np.sum(centred**2, axis=(1, 2))
    return float(np.average(difference.flux[row, column] / (response * flux) - 1, weights=weight))

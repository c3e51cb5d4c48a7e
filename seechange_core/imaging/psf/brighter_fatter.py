"""Whether bright stars are wider than faint ones, as charge in a pixel pushes away more charge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, PsfModel
from seechange_core.imaging.psf.pixel_grid_psf import StarStamps
from seechange_core.imaging.psf.rendering import rendered
from seechange_core.imaging.robust import excess_scatter

_REACH_FWHM = 1.5
_MARGIN = 2
_CLIP_SIGMA = 4.0
_ROUNDS = 3
_FEWEST = 10
_SIGNIFICANT_SIGMA = 4.0
_LARGEST_CHANGE = 0.002
_PEAK_UNIT_ELECTRON = 1e5


@dataclass(frozen=True)
class WidthSlope:
    """How the width of stars changes with their brightness.

    Parameters
    ----------
    slope, error : float
        Relative change of the FWHM for 100,000 electrons in the brightest pixel, and 1 sigma; NaN for fewer than ten
        stars.
    """

    slope: float
    error: float

    @property
    def known(self) -> bool:
        """Whether there were stars enough."""
        return math.isfinite(self.slope) and math.isfinite(self.error)

    @property
    def significant(self) -> bool:
        """Whether bright stars are wider beyond doubt."""
        return self.slope > _SIGNIFICANT_SIGMA * self.error


def width_slope(psf: PsfModel, stars: StarStamps) -> WidthSlope:
    """Measure how the width of stars depends on their brightness.

    Parameters
    ----------
    psf : PsfModel
        Fitted to all of them.
    stars : StarStamps
        With positions and fluxes under the PSF.

    Notes
    -----
    Each star is fitted with the PSF, its two derivatives and its change with the width; a straight line goes through
    the relative widths against the peaks, without outliers. Antilogus et al. (2014), JINST 9, C03048, describe the
    effect.
    """
    change, error = _relative_widths(psf, stars)
    peak = _peaks(psf, stars) / _PEAK_UNIT_ELECTRON
    kept = np.isfinite(change) & (error > 0)
    for _ in range(_ROUNDS):
        if kept.sum() < _FEWEST or not np.ptp(peak[kept]) > 0:
            return WidthSlope(math.nan, math.nan)
        line = np.polynomial.polynomial.polyfit(peak[kept], change[kept], 1, w=1.0 / error[kept])
        residual = change - line[0] - line[1] * peak
        total = np.hypot(error, excess_scatter(residual[kept], error[kept]))
        kept = np.isfinite(change) & (np.abs(residual) < _CLIP_SIGMA * total)
    weight = np.where(kept, total**-2.0, 0.0)
    mean = (weight * peak).sum() / weight.sum()
    spread = (weight * (peak - mean) ** 2).sum()
    return WidthSlope(float((weight * (peak - mean) * change)[kept].sum() / spread), float(spread**-0.5))


def faint_enough(psf: PsfModel, stars: StarStamps, slope: WidthSlope) -> NDArray[np.bool_]:
    """Return which stars are wider by no more than 0.2 % than faint ones, but at least the fainter half."""
    peak = _peaks(psf, stars)
    limit = _LARGEST_CHANGE / slope.slope * _PEAK_UNIT_ELECTRON if slope.significant else math.inf
    faint: NDArray[np.bool_] = peak <= max(limit, float(np.median(peak)))
    return faint


def _peaks(psf: PsfModel, stars: StarStamps) -> Floats:
    peaks: Floats = stars.flux * float(psf.coefficients[0].max())
    return peaks


def _relative_widths(psf: PsfModel, stars: StarStamps) -> tuple[Floats, Floats]:
    """Return by which part each star is wider than the PSF, and 1 sigma."""
    size = stars.light.shape[-1]
    drawn = rendered(psf, stars.x, stars.y, size + 2 * _MARGIN).astype(np.float64)
    p = drawn[:, 2:-2, 2:-2]
    slope_x = (
        8 * (drawn[:, 2:-2, 3:-1] - drawn[:, 2:-2, 1:-3]) - (drawn[:, 2:-2, 4:] - drawn[:, 2:-2, :-4])
    ) / 12
    slope_y = (
        8 * (drawn[:, 3:-1, 2:-2] - drawn[:, 1:-3, 2:-2]) - (drawn[:, 4:, 2:-2] - drawn[:, :-4, 2:-2])
    ) / 12
    offset = np.arange(size) - size // 2
    dx = offset[None, None, :] - (stars.x - np.floor(stars.x + 0.5))[:, None, None]
    dy = offset[None, :, None] - (stars.y - np.floor(stars.y + 0.5))[:, None, None]
    wider = -(dx * slope_x + dy * slope_y + 2.0 * p)
    near = stars.good & (np.hypot(offset[:, None], offset[None, :]) <= _REACH_FWHM * psf.fwhm)
    weight = np.where(near, 1.0 / stars.variance, 0.0).reshape(len(p), 1, -1)
    design = np.stack([p, slope_x, slope_y, wider], axis=1).reshape(len(p), 4, -1)
    weighted = design * weight
    normal = weighted @ design.transpose(0, 2, 1)
    normal += 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(4) + 1e-30 * np.eye(4)
    covariance = np.linalg.inv(normal)
    solution = (covariance @ (weighted @ stars.light.reshape(len(p), -1, 1)))[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(covariance[:, 3, 3]) / solution[:, 0]
        return np.asarray(solution[:, 3] / solution[:, 0], np.float64), np.asarray(error, np.float64)

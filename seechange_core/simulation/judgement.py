"""What a subtraction makes of a simulated pair, by its truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.special import log_ndtr

from seechange_core.frames import ColumnTable, Difference, Floats, Pixels
from seechange_core.imaging.robust import scatter
from seechange_core.simulation.pair import SimulatedPair

#: Detections this near a transient are its own (arcsec, and at least so many pixels).
_MATCH_ARCSEC = 1.0
_MATCH_PIXEL = 2.0
_CLIP_SIGMA = 4.5
_CLIP_ITERATIONS = 6
_OUTLIER_SIGMA = 5.0
_ANY_NEIGHBOUR = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Truth:
    """What is known of the sky of a new image.

    Parameters
    ----------
    transients : ColumnTable
        ``x``, ``y``, ``flux`` (electron), ``expected_snr`` (best possible in the difference), ``on_galaxy``.
    empty : bool array of shape (ny, nx)
        Pixels without the light of any source.
    pixel_scale_arcsec : float
        Side of a pixel.
    other_changes : array of shape (n, 2)
        x and y of what else changed: detections there are neither true nor false.
    """

    transients: ColumnTable
    empty: NDArray[np.bool_]
    pixel_scale_arcsec: float
    other_changes: Floats = field(default_factory=lambda: np.empty((0, 2)))

    @classmethod
    def of(cls, simulated: SimulatedPair) -> Truth:
        """Return the truth of a simulated pair."""
        scale = float(simulated.new.info["pixel_scale_arcsec"])
        return cls(simulated.transients, simulated.empty, scale)

    def is_other_change(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Return which positions are those of what else changed."""
        if not len(self.other_changes) or not len(x):
            return np.zeros(len(x), bool)
        distance, _ = cKDTree(self.other_changes).query(np.stack([x, y], axis=1))
        return np.asarray(distance < self.match_radius)

    @property
    def match_radius(self) -> float:
        """How near a transient its detection lies (pixel)."""
        return max(_MATCH_ARCSEC / self.pixel_scale_arcsec, _MATCH_PIXEL)


@dataclass(frozen=True)
class Judgement:
    """Figures of one difference image.

    Parameters
    ----------
    score_scatter : float
        Standard deviation of the score on empty sky, clipped at 4.5 sigma; 1 is right.
    score_scale : float
        The same from the median absolute deviation.
    snr50_sky, snr50_galaxy : float
        Expected signal-to-noise ratio of transients of which half are found, once the score is divided by
        `score_scale`; the threshold itself is ideal without the gain of looking for a peak. NaN without transients.
    n_found, n_transients : int
        Those found in the score so divided, and all.
    false_detections : ColumnTable
        ``x``, ``y`` (pixel), ``score`` of those in the score as it is.
    n_false_scaled : int
        How many there are in the score once it is divided by `score_scale`.
    flux_bias, flux_bias_error : float
        Of the flux image at the true positions, weighted by squared signal-to-noise ratio, as a fraction. NaN without
        transients or fluxes.
    flux_scatter : float
        Robust scatter of measured minus true flux in units of the least possible error (the Cramer-Rao bound).
    usable_fraction : float
        Part of the image that has a score.
    """

    score_scatter: float
    score_scale: float
    snr50_sky: float
    snr50_galaxy: float
    n_found: int
    n_transients: int
    false_detections: ColumnTable
    n_false_scaled: int
    flux_bias: float
    flux_bias_error: float
    flux_scatter: float
    usable_fraction: float

    @property
    def n_false(self) -> int:
        """Number of false detections in the score as it is."""
        return self.false_detections.n_rows

    def false_away_from(self, x: Floats, y: Floats, radius: float) -> int:
        """Return how many false detections are farther than a radius (pixel) from all of some positions."""
        false = self.false_detections
        if not false.n_rows or not len(x):
            return false.n_rows
        distance, _ = cKDTree(np.stack([x, y], axis=1)).query(np.stack([false["x"], false["y"]], axis=1))
        return int(np.count_nonzero(distance > radius))


def judge(difference: Difference, truth: Truth, *, threshold: float = 5.0, edge: int = 32) -> Judgement:
    """Compare a difference with the truth.

    Parameters
    ----------
    difference : Difference
        With a score, and with a flux image if fluxes are to be judged.
    truth : Truth
        Of the new image.
    threshold : float
        Of detections (sigma).
    edge : int
        Pixels along the rim that are left out.

    Raises
    ------
    ValueError
        If the difference has no score.
    """
    if difference.score is None:
        raise ValueError(
            "the difference has no score; the subtraction step computes one where an algorithm does not"
        )
    ny, nx = difference.score.shape
    inside = np.zeros((ny, nx), bool)
    inside[edge : ny - edge, edge : nx - edge] = True
    known = np.isfinite(difference.score)
    score = np.where(known, difference.score, np.float32(0))
    sky = score[truth.empty & inside & known]
    scale = scatter(sky)
    measurable = _at_transients(known & inside, truth.transients)
    transients = truth.transients.rows(measurable)
    _, false = _detected(np.where(inside, score, 0), threshold, truth)
    found, false_scaled = _detected(np.where(inside, score / np.float32(scale), 0), threshold, truth)
    found = found[measurable]
    snr, on_galaxy = transients["expected_snr"], transients["on_galaxy"].astype(bool)
    bias, bias_error, flux_scatter = _fluxes(difference, transients)
    return Judgement(
        score_scatter=_clipped_deviation(sky),
        score_scale=scale,
        snr50_sky=half_found_at(snr[~on_galaxy], found[~on_galaxy]),
        snr50_galaxy=half_found_at(snr[on_galaxy], found[on_galaxy]),
        n_found=int(found.sum()),
        n_transients=transients.n_rows,
        false_detections=false,
        n_false_scaled=false_scaled.n_rows,
        flux_bias=bias,
        flux_bias_error=bias_error,
        flux_scatter=flux_scatter,
        usable_fraction=float(known.mean()),
    )


def half_found_at(snr: Floats, found: NDArray[np.bool_]) -> float:
    """Return the expected signal-to-noise ratio at which half are found; NaN if there is nothing to be found.

    Parameters
    ----------
    snr : array of shape (n,)
        Expected.
    found : bool array of shape (n,)

    Notes
    -----
    The middle of a cumulative normal curve that is fitted by maximum likelihood.
    """
    if not len(snr):
        return float("nan")

    def unlikelihood(parameters: Floats) -> float:
        deviate = (snr - parameters[0]) / max(parameters[1], 0.05)
        return -float(
            np.sum(np.maximum(np.where(found, log_ndtr(deviate), log_ndtr(-deviate)), np.log(1e-6)))
        )

    return float(minimize(unlikelihood, (5.0, 1.0), method="Nelder-Mead").x[0])


def _at_transients(plane: NDArray[np.bool_], transients: ColumnTable) -> NDArray[np.bool_]:
    column, row = (np.floor(transients[axis] + 0.5).astype(np.intp) for axis in "xy")
    return plane[row, column]


def _detected(score: Pixels, threshold: float, truth: Truth) -> tuple[NDArray[np.bool_], ColumnTable]:
    """Return which transients were found, and the regions beyond the threshold of either sign that hold none.

    A transient whose own pixel has no score may still be detected beside it, which is not false.
    """
    transients = truth.transients
    found = np.zeros(transients.n_rows, bool)
    false: list[Floats] = []
    for sign in (1, -1):
        labels, number = ndimage.label(sign * score > threshold, structure=_ANY_NEIGHBOUR)
        if not number:
            continue
        peaks = np.array(ndimage.maximum_position(sign * score, labels, np.arange(1, number + 1)))
        row, column = peaks[:, 0].astype(np.intp), peaks[:, 1].astype(np.intp)
        hit: NDArray[np.bool_] = np.zeros(number, dtype=bool)
        if sign > 0 and transients.n_rows:
            tree = cKDTree(np.stack([transients["x"], transients["y"]], axis=1))
            distance, nearest = tree.query(np.stack([column, row], axis=1))
            hit = np.asarray(distance < truth.match_radius)
            found[np.asarray(nearest)[hit]] = True
        false.append(np.stack([column, row, score[row, column]])[:, ~hit])
    x, y, value = np.concatenate(false, axis=1) if false else np.zeros((3, 0))
    table = ColumnTable({"x": x, "y": y, "score": value})
    return found, table.rows(~truth.is_other_change(x, y))


def _fluxes(difference: Difference, transients: ColumnTable) -> tuple[float, float, float]:
    nothing = float("nan")
    if difference.flux is None or not transients.n_rows:
        return nothing, nothing, nothing
    image = np.nan_to_num(difference.flux, nan=0.0)
    measured = ndimage.map_coordinates(image, [transients["y"], transients["x"]], order=3)
    flux, snr = transients["flux"], transients["expected_snr"]
    deviation = (measured - flux) * snr / flux
    spread = scatter(deviation)
    kept = np.abs(deviation - np.median(deviation)) < _OUTLIER_SIGMA * spread
    weight = snr[kept] ** 2
    bias = np.average((measured - flux)[kept] / flux[kept], weights=weight)
    return float(bias), float(weight.sum() ** -0.5), spread


def _clipped_deviation(values: Pixels) -> float:
    kept = values.astype(np.float64)
    for _ in range(_CLIP_ITERATIONS):
        inlying = np.abs(kept - kept.mean()) < _CLIP_SIGMA * kept.std()
        if inlying.all():
            break
        kept = kept[inlying]
    return float(kept.std())

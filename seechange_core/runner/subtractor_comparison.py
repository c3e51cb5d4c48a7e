"""Subtraction algorithms on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from seechange_core.api import Rejected, Subtractor
from seechange_core.frames import Difference, Floats, Pixels, SourceTable, unusable
from seechange_core.imaging.peaks import find_peaks
from seechange_core.imaging.robust import scatter
from seechange_core.imaging.subtraction.point_source_score import with_score
from seechange_core.runner.known_pairs import KnownPair
from seechange_core.runner.resources import measured
from seechange_core.simulation.judgement import Truth, judge

#: False detections that are granted to every algorithm when their completeness is compared: so many a CCD.
_FALSE_PER_CCD = 10.0
_CCD_PIXELS = 2048 * 4096
#: Faintest peaks that are looked at (sigma): granted false detections are brighter.
_FAINTEST = 3.0
_STAR_SNR = 100.0
#: What all algorithms find at this score, before sources are injected, really changed.
_CHANGED = 5.0


@dataclass(frozen=True)
class SubtractorFigures:
    """How one algorithm did on one pair.

    Parameters
    ----------
    pair, subtractor : str
        Names.
    failure : str
        Why there is no difference; empty if there is one. All figures are NaN then.
    completeness : float
        Part of the transients found at the threshold that leaves the granted number of false detections.
    threshold : float
        That threshold, in units of the score's scatter.
    n_transients, n_false_granted : int
        What the completeness refers to.
    score_scatter : float
        On blank sky; 1 is right.
    snr50_sky, snr50_galaxy : float
        Expected signal-to-noise ratio of which half are found beyond 5 sigma.
    n_false : int
        False detections beyond 5 sigma of the score as it is.
    star_score : float
        Robust scatter of the score at stars; 1 if there is noise alone.
    star_residual : float
        Median of what is left of bright stars, as a part of their flux.
    flux_bias, flux_scatter : float
        Relative bias of fluxes; their scatter in units of the least possible one.
    cpu_s, peak_mb : float
        Of the subtraction alone, once it has run before.
    """

    pair: str
    subtractor: str
    failure: str = ""
    completeness: float = float("nan")
    threshold: float = float("nan")
    n_transients: int = 0
    n_false_granted: int = 0
    score_scatter: float = float("nan")
    snr50_sky: float = float("nan")
    snr50_galaxy: float = float("nan")
    n_false: int = 0
    star_score: float = float("nan")
    star_residual: float = float("nan")
    flux_bias: float = float("nan")
    flux_scatter: float = float("nan")
    cpu_s: float = float("nan")
    peak_mb: float = float("nan")


def compare_subtractors(known: KnownPair, subtractors: Mapping[str, Subtractor]) -> list[SubtractorFigures]:
    """Subtract a pair with each of some algorithms and compare with the truth.

    Each runs twice, so that compiling and planning are done before it is measured. Where sources were injected, the
    first run is without them: what all of two or more algorithms find there really changed, and is no false detection.
    """
    first: dict[str, Difference | Rejected] = {}
    for name, subtractor in subtractors.items():
        try:
            first[name] = with_score(subtractor.subtract(known.before or known.pair))
        except Rejected as rejection:
            first[name] = rejection
    differences = [difference for difference in first.values() if isinstance(difference, Difference)]
    if known.before is not None and len(differences) > 1:
        changes = _found_by_all(differences, known.truth.match_radius)
        known = replace(known, truth=replace(known.truth, other_changes=changes))
    failures = {name: str(outcome) for name, outcome in first.items() if isinstance(outcome, Rejected)}
    del first, differences
    return [
        SubtractorFigures(known.name, name, failure=failures[name])
        if name in failures
        else _figures(known, name, subtractor)
        for name, subtractor in subtractors.items()
    ]


def _found_by_all(differences: Sequence[Difference], radius: float) -> Floats:
    """Return x and y of the peaks of the first difference that all others have too, shape (n, 2)."""
    places = []
    for difference in differences:
        assert difference.score is not None
        peaks = find_peaks(difference.score, _CHANGED)
        places.append(np.stack([peaks.x, peaks.y], axis=1))
    common = places[0]
    for others in places[1:]:
        if not len(others):
            return np.empty((0, 2))
        distance, _ = cKDTree(others).query(common)
        common = common[np.asarray(distance) < radius]
    return common


def _figures(known: KnownPair, name: str, subtractor: Subtractor) -> SubtractorFigures:
    cost = measured(lambda: with_score(subtractor.subtract(known.pair)))
    difference = cost.result
    judgement = judge(difference, known.truth)
    granted = max(1, round(_FALSE_PER_CCD * difference.data.size / _CCD_PIXELS))
    completeness, threshold, number = _at_equal_false_rate(
        difference, known.truth, judgement.score_scale, granted
    )
    star_score, star_residual = _left_of_stars(difference, known.sources, known.truth)
    return SubtractorFigures(
        known.name,
        name,
        completeness=completeness,
        threshold=threshold,
        n_transients=number,
        n_false_granted=granted,
        score_scatter=judgement.score_scatter,
        snr50_sky=judgement.snr50_sky,
        snr50_galaxy=judgement.snr50_galaxy,
        n_false=judgement.n_false,
        star_score=star_score,
        star_residual=star_residual,
        flux_bias=judgement.flux_bias,
        flux_scatter=judgement.flux_scatter,
        cpu_s=cost.cpu_s,
        peak_mb=cost.peak_mb,
    )


def _at_equal_false_rate(
    difference: Difference, truth: Truth, scale: float, granted: int
) -> tuple[float, float, int]:
    """Return completeness, threshold and number of transients where a number of false detections is granted."""
    assert difference.score is not None
    transients = truth.transients
    column, row = (np.floor(transients[axis] + 0.5).astype(np.intp) for axis in "xy")
    transients = transients.rows(np.isfinite(difference.score[row, column]))
    if not transients.n_rows:
        return float("nan"), float("nan"), 0
    peaks = find_peaks(difference.score / np.float32(scale), _FAINTEST)
    tree = cKDTree(np.stack([transients["x"], transients["y"]], axis=1))
    distance, nearest = tree.query(np.stack([peaks.x, peaks.y], axis=1))
    near = np.asarray(distance < truth.match_radius)
    true = near & (peaks.value > 0)
    false = np.sort(np.abs(peaks.value[~near & ~truth.is_other_change(peaks.x, peaks.y)]))[::-1]
    threshold = float(false[granted]) if len(false) > granted else _FAINTEST
    found = np.unique(np.asarray(nearest)[true & (peaks.value > threshold)])
    return len(found) / transients.n_rows, threshold, transients.n_rows


def _left_of_stars(difference: Difference, sources: SourceTable, truth: Truth) -> tuple[float, float]:
    """Return the scatter of the score at stars, and the median of what is left of the bright ones' flux."""
    assert difference.score is not None
    chosen = sources["is_star"] & ~unusable(sources["mask"])
    if truth.transients.n_rows:
        tree = cKDTree(np.stack([truth.transients["x"], truth.transients["y"]], axis=1))
        distance, _ = tree.query(np.stack([sources["x"], sources["y"]], axis=1))
        chosen &= distance > 2.0 * truth.match_radius
    stars = sources.rows(chosen)
    score = _nearest_pixels(difference.score, stars)
    left = float("nan")
    if difference.flux is not None:
        bright = stars.rows(stars["snr"] > _STAR_SNR)
        flux = _nearest_pixels(difference.flux, bright)
        ratio = np.abs(flux) / bright["flux"]
        left = float(np.median(ratio[np.isfinite(ratio)])) if np.isfinite(ratio).any() else left
    return scatter(score[np.isfinite(score)]), left


def _nearest_pixels(plane: Pixels, table: SourceTable) -> Pixels:
    ny, nx = plane.shape
    column = np.clip(np.floor(table["x"] + 0.5).astype(np.intp), 0, nx - 1)
    row = np.clip(np.floor(table["y"] + 0.5).astype(np.intp), 0, ny - 1)
    return plane[row, column]

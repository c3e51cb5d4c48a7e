"""How well scores tell real candidates from bogus ones."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats

_Labels = NDArray[np.bool_]


def area_under_curve(score: Floats, real: _Labels) -> float:
    """Return the probability that a real candidate scores above a bogus one; ties count half."""
    bogus = np.sort(score[~real])
    below = np.searchsorted(bogus, score[real], "left") + np.searchsorted(bogus, score[real], "right")
    return float(below.mean() / (2 * len(bogus)))


def threshold_missing(score: Floats, real: _Labels, fraction: float) -> float:
    """Return the threshold below which a fraction of the real candidates lies."""
    return float(np.quantile(score[real], fraction))


def balanced_threshold(score: Floats, real: _Labels, counted: _Labels) -> float:
    """Return the threshold at which the part of the bogus that is kept is that of the counted real that is missed."""
    candidates = np.sort(score[real & counted])
    missed = np.arange(len(candidates)) / len(candidates)
    kept = 1.0 - np.searchsorted(np.sort(score[~real]), candidates) / max((~real).sum(), 1)
    return float(candidates[np.argmax(missed >= kept)])


def reliability(score: Floats, real: _Labels, edges: Floats) -> list[tuple[float, float]]:
    """Return mean score and share of real candidates in bins of the score, both classes weighted equally.

    Empty bins are left out.
    """
    weight = np.where(real, 0.5 / max(real.sum(), 1), 0.5 / max((~real).sum(), 1))
    bins = [(score >= low) & ((score < high) | (high == edges[-1])) for low, high in pairwise(edges)]
    return [
        (float(np.average(score[b], weights=weight[b])), float(np.average(real[b], weights=weight[b])))
        for b in bins
        if b.any()
    ]


def calibration_error(score: Floats, real: _Labels) -> float:
    """Return the mean absolute difference of score and share of real candidates over ten bins, weighted by content."""
    weight = np.where(real, 0.5 / max(real.sum(), 1), 0.5 / max((~real).sum(), 1))
    edges = np.linspace(0.0, 1.0, 11)
    content = np.histogram(score, edges, weights=weight)[0]
    gaps = [abs(mean - share) for mean, share in reliability(score, real, edges)]
    return float(np.average(gaps, weights=content[content > 0]))


def summary(score: Floats, real: _Labels, snr: Floats, threshold: float) -> dict[str, Any]:
    """Return the figures that go into the record of a network, in plain numbers.

    Parameters
    ----------
    score, real, snr : array of shape (n,)
        Scores, labels, and absolute signal-to-noise ratios; those that are not known count as high.
    threshold : float
        Recommended.
    """
    bright = real & ~(snr <= 7.0)
    at_two = threshold_missing(score, bright, 0.02)
    edges = np.linspace(0.0, 1.0, 11)
    return {
        "n_real": int(real.sum()),
        "n_bogus": int((~real).sum()),
        "area_under_curve": round(area_under_curve(score, real), 5),
        "bogus_kept_at_2_percent_of_real_above_snr_7_missed": round(
            float((score[~real] >= at_two).mean()), 5
        ),
        "bogus_kept": round(float((score[~real] >= threshold).mean()), 5),
        "real_missed": round(float((score[real] < threshold).mean()), 5),
        "real_above_snr_7_missed": round(float((score[bright] < threshold).mean()), 5),
        "calibration_error": round(calibration_error(score, real), 4),
        "reliability": [[round(value, 3) for value in pair] for pair in reliability(score, real, edges)],
    }

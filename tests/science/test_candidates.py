"""What is lost and what is left between a difference image and the table of candidates, by truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seechange_core.frames import (
    ColumnTable,
    DecisionTable,
    DetectionTable,
    Floats,
    Frame,
    MeasurementTable,
)
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.imaging.subtraction.point_source_score import with_score
from seechange_core.registry import Registry
from seechange_core.simulation.image_pair import CONDITIONS, image_pair
from seechange_core.simulation.pair import SimulatedPair
from seechange_core.steps.detection import DetectionParams, detect
from seechange_core.steps.measuring import Measuring, MeasuringParams
from seechange_core.steps.step import StepContext

Record = Callable[[str, float, str], None]
MATCH_PIXEL = 3.85
SNR_BINS = (3.0, 5.0, 6.0, 8.0, 12.0, 20.0, 31.0)
BRIGHT_SNR = 6.0


@dataclass(frozen=True)
class Fate:
    """What became of transients and of detections that are none.

    Parameters
    ----------
    snr : array of shape (n,)
        Expected, of all transients.
    detected, kept, unflagged : bool array of shape (n,)
        Of the transients.
    false : tuple of int
        Detections that are no transient: all, kept, unflagged.
    """

    snr: NDArray[np.float64]
    detected: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    unflagged: NDArray[np.bool_]
    false: tuple[int, ...]


def decided(simulated: SimulatedPair) -> tuple[DetectionTable, MeasurementTable, DecisionTable]:
    pair = simulated.pair
    difference = with_score(Registry().component("subtractor", "zogy")().subtract(pair))
    detections = detect(difference, DetectionParams())
    ratio = np.float32(pair.flux_ratio)
    reference = Frame(pair.ref.data / ratio, pair.ref.variance / ratio**2, pair.ref.mask)
    planes = (pair.new.data, reference.data, difference.data, difference.mask)
    inputs = {
        "image": pair.new,
        "psf": pair.new_psf,
        "aligned_reference": reference,
        "difference": replace(difference, ref_psf=pair.ref_psf),
        "detections": detections,
        "stamps": cut_triplets(detections["x"], detections["y"], 41, *planes),
        "mapping": None,
        "photometry": None,
    }
    made = Measuring().run(inputs, MeasuringParams(), StepContext({}, None)).outputs
    return detections, made["measurements"], made["decisions"]


def fate(simulated: SimulatedPair) -> Fate:
    detections, _, decisions = decided(simulated)
    distance, nearest = matched(simulated, detections)
    real = (distance < MATCH_PIXEL) & (detections["score"] > 0)
    kept, unflagged = decisions["row"] >= 0, decisions["flagged"] == 0
    places = np.arange(simulated.transients.n_rows)
    found = [np.isin(places, nearest[real & passed]) for passed in (True, kept, unflagged)]
    false = [int(np.count_nonzero(~real & passed)) for passed in (True, kept, unflagged)]
    return Fate(simulated.transients["expected_snr"], *found, tuple(false))


def matched(simulated: SimulatedPair, table: ColumnTable) -> tuple[Floats, NDArray[np.intp]]:
    """Distance (pixel) and number of the transient nearest to each row."""
    trees = [np.stack([one["x"], one["y"]], axis=1) for one in (simulated.transients, table)]
    return cKDTree(trees[0]).query(trees[1])


@pytest.mark.slow
@pytest.mark.parametrize(("conditions", "most_false"), [("aligned", 4), ("dirty", 10)])
def test_transients_survive_and_bogus_ones_do_not(
    conditions: str, most_false: int, seed: int, record_figure: Record
) -> None:
    result = fate(image_pair(seed, conditions=CONDITIONS[conditions]))
    for low, high in pairwise(SNR_BINS):
        within = (result.snr >= low) & (result.snr < high)
        name = f"transients of S/N {low:g} to {high:g}, {conditions}"
        record_figure(name, int(within.sum()), "")
        for fate_of, which in (
            ("detected", result.detected),
            ("kept", result.kept),
            ("not flagged", result.unflagged),
        ):
            record_figure(f"{name}: {fate_of}", int(which[within].sum()), "")
    for fate_of, number in zip(("detected", "kept", "not flagged"), result.false, strict=True):
        record_figure(f"false candidates, {conditions}: {fate_of}", number, "a CCD")
    bright = result.detected & (result.snr > BRIGHT_SNR)
    surviving = result.kept[bright].mean()
    record_figure(f"transients above S/N 6 that survive, {conditions}", 100 * surviving, "per cent")
    assert surviving >= 0.97
    # Of the aligned pair noise alone makes 1.8 (`test_subtraction_yardstick.py`): more than 4 in one of 28 pairs.
    assert result.false[1] <= most_false


def test_light_of_both_images_at_the_place_of_a_transient(seed: int, record_figure: Record) -> None:
    simulated = image_pair(seed, (1024, 2048))
    _, measured, _ = decided(simulated)
    distance, nearest = matched(simulated, measured)
    transients = simulated.transients.rows(nearest)
    alone = (distance < MATCH_PIXEL) & (measured["snr"] > 8)
    x, y, light = (
        np.concatenate([simulated.stars[name], simulated.galaxies[name]]) for name in ("x", "y", "flux")
    )
    # Others add light of their own: those near, and those ten times as bright by their wings.
    for least_electron, radius_pixel in ((0.0, 8.0), (3e4, 60.0)):
        others = cKDTree(np.stack([x, y], axis=-1)[light >= least_electron])
        alone &= others.query(np.stack([transients["x"], transients["y"]], axis=-1))[0] > radius_pixel
    flux = transients["flux"]
    pulls = {
        "new image": (measured["new_psf_flux"] - flux) / measured["new_psf_flux_error"],
        "reference": measured["reference_psf_flux"] / measured["reference_psf_flux_error"],
    }
    n_alone = np.count_nonzero(alone)
    assert n_alone >= 10
    for image, pull in pulls.items():
        record_figure(f"forced flux in the {image}: rms of its pull", np.sqrt(np.mean(pull[alone] ** 2)), "")
        # The median of n pulls is known to 1.25 / sqrt(n).
        assert abs(np.median(pull[alone])) < 3 * 1.25 / np.sqrt(n_alone)
        assert np.sqrt(np.mean(pull[alone] ** 2)) < 1.5

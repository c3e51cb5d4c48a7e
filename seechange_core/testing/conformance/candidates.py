"""Candidates with their truth: transients, and what a plain difference of two images leaves of all else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seechange_core.frames import (
    DetectionTable,
    Difference,
    MaskPlane,
    MeasurementTable,
    PhotometricSolution,
    Stamps,
)
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.imaging.subtraction.point_source_score import with_score
from seechange_core.steps.detection import DetectionParams, detect
from seechange_core.steps.measuring import Measuring, MeasuringParams
from seechange_core.steps.step import StepContext
from seechange_core.testing.conformance.pairs import pair_under

_STAMP_PIXEL = 41
_N_HOT_PIXELS = 80
_MATCH_PIXEL = 2.0


@dataclass(frozen=True)
class Candidates:
    """Stamps and measurements, row by row, as a scorer gets them, and which are real."""

    stamps: Stamps
    measurements: MeasurementTable
    real: NDArray[np.bool_]

    def rows(self, index: NDArray[np.integer]) -> Candidates:
        """Return those that an index array selects."""
        return Candidates(self.stamps.rows(index), self.measurements.rows(index), self.real[index])

    def all_masked(self) -> Candidates:
        """Return them with all pixels masked and all that can be missing from a measurement missing."""
        hole = np.full_like(self.stamps.new, np.nan)
        mask = np.full_like(self.stamps.mask, int(MaskPlane.NO_DATA))
        stamps = replace(self.stamps, new=hole, ref=hole, difference=hole, mask=mask, score=hole)
        known = ("x", "y", "score", "stamp", "edge_distance")
        columns = {
            name: np.full(self.measurements.n_rows, np.nan)
            for name in self.measurements
            if name not in known and self.measurements[name].dtype.kind == "f"
        }
        return Candidates(stamps, self.measurements.with_columns(**columns), self.real)

    def with_masked_pixels(self, value: float) -> Candidates:
        """Return them with a twentieth of the pixels masked, and this value in their place."""
        hit = np.random.default_rng(7).random(self.stamps.new.shape) < 0.05
        planes = {
            name: np.where(hit, np.float32(value), getattr(self.stamps, name))
            for name in ("new", "ref", "difference", "score")
        }
        mask = np.where(hit, self.stamps.mask | np.uint16(MaskPlane.BAD), self.stamps.mask)
        return replace(self, stamps=replace(self.stamps, **planes, mask=mask))


@cache
def labelled_candidates() -> Candidates:
    """Subtract two images of equal seeing pixel by pixel, detect, cut and measure.

    PSFs of other shapes leave residues of bright stars; there are hot pixels too.
    """
    simulated = pair_under("equal")
    pair = simulated.pair
    hot = np.random.default_rng(11).integers(60, min(pair.new.shape) - 60, (_N_HOT_PIXELS, 2))
    data = pair.new.data.copy()
    data[hot[:, 0], hot[:, 1]] += np.float32(12.0) * np.sqrt(pair.new.variance[hot[:, 0], hot[:, 1]])
    ref = (pair.ref.data / pair.flux_ratio).astype(np.float32)
    plain = Difference(
        data - ref,
        (pair.new.variance + pair.ref.variance / pair.flux_ratio**2).astype(np.float32),
        pair.new.mask | pair.ref.mask,
        pair.psfs()[0],
    )
    difference = with_score(plain)
    detections: DetectionTable = detect(difference, DetectionParams())
    planes = data, ref, difference.data, difference.mask, difference.score
    stamps = cut_triplets(detections["x"], detections["y"], _STAMP_PIXEL, *planes)
    inputs = {
        "image": pair.new.replaced(data=data),
        "psf": pair.psfs()[0],
        "aligned_reference": pair.ref.replaced(data=ref, variance=pair.ref.variance / pair.flux_ratio**2),
        "difference": difference,
        "detections": detections,
        "stamps": stamps,
        "mapping": None,
        "photometry": PhotometricSolution(30.0, 0.01, 0.02, 50, "r"),
    }
    measurements = Measuring().run(inputs, MeasuringParams(), StepContext({}, None)).outputs["measurements"]
    transients = np.stack([simulated.transients["x"], simulated.transients["y"]], axis=1)
    distance, _ = cKDTree(transients).query(np.stack([measurements["x"], measurements["y"]], axis=1))
    real = (np.asarray(distance) < _MATCH_PIXEL) & (measurements["flux"] > 0)
    return Candidates(stamps.rows(measurements["stamp"]), measurements, real)

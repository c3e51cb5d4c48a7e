"""Completeness: which of the injected sources a search found, and down to which magnitude."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import Params, parameter
from seechange_core.frames import (
    CompletenessTable,
    DetectionTable,
    FakeTable,
    Floats,
    MeasurementTable,
    RecoveredTable,
    ScoreTable,
)
from seechange_core.frames.fakes import ENVIRONMENTS, STAGES
from seechange_core.steps.step import Step, StepContext, StepResult


class CompletenessParams(Params):
    """What counts as found."""

    match_radius_fwhm: float = parameter(
        0.8,
        description="A detection of the right sign within so many FWHM of the PSF is that of the fake",
        unit="FWHM",
        gt=0,
        le=5,
    )


class Completeness(Step):
    """Compare what a search found with what was injected."""

    process: ClassVar[str] = "completeness"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = CompletenessParams
    inputs: ClassVar[tuple[str, ...]] = ("fakes", "psf", "detections", "measurements", "scores")
    outputs: ClassVar[tuple[str, ...]] = ("recovered", "completeness")

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``recovered``: `RecoveredTable`, and ``completeness``: `CompletenessTable`.

        Metrics are ``n_fakes``, how many reached each stage (``n_detected`` ...), and of what was measured, and where
        it is known, the magnitude at which half are found (``sky_magnitude50``, ``galaxy_magnitude50`` ...).
        """
        radius_pixel = params.match_radius_fwhm * inputs["psf"].fwhm
        recovered = recover(
            inputs["fakes"], inputs["detections"], inputs["measurements"], inputs["scores"], radius_pixel
        )
        metrics: dict[str, float] = {"n_fakes": recovered.n_rows}
        metrics |= {f"n_{stage}": int(np.count_nonzero(recovered[stage])) for stage in STAGES}
        curves = completeness_of(recovered)
        known = curves.rows((curves["stage"] == "measured") & np.isfinite(curves["magnitude50"]))
        names = (f"{environment}_magnitude50" for environment in known["environment"])
        metrics |= dict(zip(names, known["magnitude50"].tolist(), strict=True))
        return StepResult({"recovered": recovered, "completeness": curves}, metrics)


def near_fakes(detections: DetectionTable, fakes: FakeTable, radius_pixel: float) -> DetectionTable:
    """Return the detections within a radius of a fake: nothing else decides how complete a search is."""
    from scipy.spatial import cKDTree

    if not detections.n_rows:
        return detections
    distance, _ = cKDTree(_positions(fakes)).query(_positions(detections))
    return detections.rows(np.asarray(distance) <= radius_pixel)


def recover(
    fakes: FakeTable,
    detections: DetectionTable,
    measurements: MeasurementTable,
    scores: ScoreTable,
    radius_pixel: float,
) -> RecoveredTable:
    """Say of each fake what was found of it.

    Parameters
    ----------
    fakes : FakeTable
        The truth.
    detections, measurements, scores
        Of the search.
    radius_pixel : float
        Within which the most significant detection of the fake's sign is its own.
    """
    from scipy.spatial import cKDTree

    row = np.full(fakes.n_rows, -1)
    for sign in (1.0, -1.0):
        of_sign = np.flatnonzero(np.sign(detections["score"]) == sign)
        wanted = np.flatnonzero(np.sign(fakes["flux"]) == sign)
        if not len(of_sign) or not len(wanted):
            continue
        tree = cKDTree(_positions(detections)[of_sign])
        for fake, near in zip(
            wanted, tree.query_ball_point(_positions(fakes)[wanted], radius_pixel), strict=True
        ):
            if near:
                candidates = of_sign[near]
                row[fake] = candidates[np.argmax(np.abs(detections["score"][candidates]))]
    measured = np.full(detections.n_rows + 1, -1)
    measured[measurements["stamp"]] = np.arange(measurements.n_rows)
    # The last row is that of no detection.
    measurement = measured[row]
    least, accepted = _opinions(scores, measurements.n_rows)
    found = {
        "detected": row >= 0,
        "measured": measurement >= 0,
        "detection_score": _taken(detections["score"], row),
        "measured_flux": _taken(measurements["flux"], measurement),
        "measured_flux_error": _taken(measurements["flux_error"], measurement),
        "accepted": np.append(accepted, False)[measurement],
        "real": _taken(least, measurement),
    }
    return RecoveredTable({**fakes, **found}, fakes.meta)


def completeness_of(recovered: RecoveredTable) -> CompletenessTable:
    """Fit a curve of completeness for each environment that has fakes, and each stage."""
    from seechange_core.imaging.candidates.completeness import fit_completeness

    rows: list[dict[str, Any]] = []
    for environment in ENVIRONMENTS:
        there = recovered.rows(recovered["environment"] == environment)
        magnitude = -2.5 * np.log10(np.abs(there["flux"]))
        # Magnitudes of the flux unit and AB magnitudes differ by a constant.
        offset = float(np.median(there["magnitude"] - magnitude)) if there.n_rows else np.nan
        for stage in STAGES if there.n_rows else ():
            fit = fit_completeness(magnitude, there[stage])
            rows.append(
                {
                    "environment": environment,
                    "stage": stage,
                    "n_fakes": there.n_rows,
                    "n_found": int(np.count_nonzero(there[stage])),
                    "magnitude50": fit.magnitude50 + offset,
                    "flux50": 10.0 ** (-0.4 * fit.magnitude50),
                    "error50": fit.error50,
                    "width": fit.width,
                    "width_error": fit.width_error,
                    "efficiency": fit.efficiency,
                }
            )
    return CompletenessTable(
        {name: [row[name] for row in rows] for name in CompletenessTable.COLUMNS}, recovered.meta
    )


def _positions(table: FakeTable | DetectionTable) -> Floats:
    return np.stack([table["x"], table["y"]], axis=1)


def _taken(values: NDArray[Any], row: NDArray[Any]) -> Floats:
    """Return values by row, NaN where the row is -1."""
    taken: Floats = np.append(values.astype(np.float64), np.nan)[row]
    return taken


def _opinions(scores: ScoreTable, number: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the least score of each candidate, and whether no scorer gave it less than it recommends."""
    least, accepted = np.full(number, np.inf), np.ones(number, bool)
    np.minimum.at(least, scores["row"], scores["score"])
    for row, score, info in zip(scores["row"], scores["score"], scores["info"], strict=True):
        accepted[row] &= bool(score >= json.loads(str(info)).get("threshold", 0.0))
    return np.where(np.isfinite(least), least, np.nan), accepted

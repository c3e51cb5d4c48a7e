"""The peak at a position: its tests, its measurement, its scores, its object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from seechange_core.frames import DecisionTable, Floats
from seechange_core.models import DeepScore, Measurements, Object, Product
from seechange_core.store.history.finding import Candidate, TestResult
from seechange_core.store.json_values import json_values
from seechange_core.store.latest import latest

#: Columns of a measurement that are told.
_TOLD = (
    *("x", "y", "ra", "dec", "position_error_arcsec", "flux", "flux_error", "flux_unit", "magnitude"),
    *("magnitude_error", "snr", "psf_like", "badness", "upstream_badness"),
)


def distances_arcsec(decisions: DecisionTable, x: float, y: float, pixel_scale_arcsec: float) -> Floats:
    """Return how far all peaks are from a pixel."""
    found: Floats = np.hypot(decisions["x"] - x, decisions["y"] - y) * pixel_scale_arcsec
    return found


def candidate_of(
    session: Session,
    decisions: DecisionTable,
    peak: int,
    distance_arcsec: float,
    measuring_id: UUID,
    tagged: Select[Any],
) -> Candidate:
    """Return all that is known of one peak.

    Parameters
    ----------
    decisions : DecisionTable
        Of the measuring product `measuring_id`.
    peak : int
        Its row there.
    distance_arcsec : float
        From the position that is asked for.
    tagged : query
        For the ids of the provenances whose scores are meant.
    """
    measurement, name, scores = _measured(session, measuring_id, int(decisions["row"][peak]), tagged)
    return Candidate(
        distance_arcsec=distance_arcsec,
        x=float(decisions["x"][peak]),
        y=float(decisions["y"][peak]),
        ra=_known(decisions["ra"][peak]),
        dec=_known(decisions["dec"][peak]),
        score=float(decisions["score"][peak]),
        tests=_test_results(decisions, peak),
        measurement=measurement,
        scores=scores,
        object=name,
    )


def _test_results(decisions: DecisionTable, peak: int) -> tuple[TestResult, ...]:
    verdicts = {name: int(decisions[name][peak]) for name in ("deleted", "flagged")}
    return tuple(
        TestResult(
            name=test.name,
            column=test.column,
            value=_known(decisions[test.column][peak]),
            comparison=test.comparison,
            flag=test.flag,
            delete=test.delete,
            verdict=next((name for name, bits in verdicts.items() if bits >> bit & 1), "passed"),
        )
        for bit, test in enumerate(decisions.tests)
    )


def _measured(
    session: Session, measuring_id: UUID, row: int, tagged: Select[Any]
) -> tuple[Mapping[str, Any], str | None, tuple[Mapping[str, Any], ...]]:
    wanted = (
        select(Measurements, Object.name)
        .outerjoin(Object, Object.id == Measurements.object_id)
        .where(Measurements.product_id == measuring_id, Measurements.row == row)
    )
    found = session.execute(wanted).first()
    if found is None:
        return {}, None, ()
    measurement, name = found
    scored = (
        select(DeepScore)
        .join(Product, Product.id == DeepScore.product_id)
        .where(DeepScore.measurement_id == measurement.id, latest(tagged))
        .order_by(DeepScore.scorer)
    )
    scores = tuple(
        {
            "scorer": one.scorer,
            "version": one.version,
            "score": one.score,
            "threshold": one.info.get("threshold"),
        }
        for one in session.scalars(scored)
    )
    told = {"id": str(measurement.id), **{column: getattr(measurement, column) for column in _TOLD}}
    return json_values(told), name, scores


def _known(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None

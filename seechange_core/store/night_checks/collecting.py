"""Reads what is known of exposures and of the nights before them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from seechange_core.models import Decisions, Exposure, Product
from seechange_core.store.given_keys import given
from seechange_core.store.history.progress import Progress, progress_of
from seechange_core.store.latest import latest
from seechange_core.store.night_checks.night import Night
from seechange_core.store.night_checks.quantities import QUANTITIES
from seechange_core.store.night_checks.section_check import SectionCheck

#: By quantity and filter: name and median of each night, oldest first.
Before = Mapping[tuple[str, str], list[tuple[str, float]]]


def exposures_between(session: Session, instrument: str, first_mjd: float, last_mjd: float) -> list[Exposure]:
    """Return the science exposures of a camera in an interval of time, in order."""
    wanted = select(Exposure).where(
        Exposure.instrument == instrument,
        Exposure.kind == "science",
        Exposure.mjd >= first_mjd,
        Exposure.mjd < last_mjd,
    )
    return list(session.scalars(wanted.order_by(Exposure.mjd, Exposure.id)))


def nights_before(session: Session, instrument: str, night: Night, count: int) -> list[Night]:
    """Return the last nights before one on which a camera took science exposures, oldest first."""
    number = func.floor(Exposure.mjd + (night.longitude_deg / 360.0 - 0.5)).label("number")
    wanted = (
        select(number)
        .where(Exposure.instrument == instrument, Exposure.kind == "science", Exposure.mjd < night.first_mjd)
        .distinct()
        .order_by(number.desc())
        .limit(count)
    )
    return [Night(int(found), night.longitude_deg) for found in session.scalars(wanted)][::-1]


def section_checks(
    session: Session, exposures: Sequence[Exposure], tagged: Select[Any]
) -> list[SectionCheck]:
    """Return what is known of every section of some exposures under a processing."""
    keys = [exposure.id for exposure in exposures]
    progress = progress_of(session, keys, tagged)
    decided = _decisions(session, keys, tagged)
    return [
        _check(
            exposure,
            section,
            progress.get((exposure.id, section), Progress()),
            decided.get((exposure.id, section)),
        )
        for exposure in exposures
        for section in exposure.sections
    ]


def medians_of_nights(session: Session, instrument: str, nights: Sequence[Night]) -> Before:
    """Return the median of each quantity over the sections of each of some nights.

    Of sections that were processed in several ways the latest counts, so that a new version of the software is
    compared with what the one before it made.
    """
    found: dict[tuple[str, str], list[tuple[str, float]]] = {}
    if not nights:
        return found
    for process, quantities in groupby(QUANTITIES, lambda quantity: quantity.process):
        names = [quantity.name for quantity in quantities]
        values = _values_of_nights(session, instrument, nights, process, names)
        for (name, band, night), sections in sorted(values.items()):
            found.setdefault((name, band), []).append(
                (Night(night, nights[0].longitude_deg).name, float(np.median(sections)))
            )
    return found


def _values_of_nights(
    session: Session, instrument: str, nights: Sequence[Night], process: str, names: Sequence[str]
) -> dict[tuple[str, str, int], list[float]]:
    """Return by quantity, filter and number of the night the values of all sections."""
    wanted = (
        select(
            *(Exposure.mjd, Exposure.filter, Exposure.section_filters, Product.place),
            *(Product.metrics[name].as_float() for name in names),
        )
        .join(Product, Product.exposure_id == Exposure.id)
        .where(
            *(Product.process == process, Product.state == "done", Exposure.instrument == instrument),
            *(
                Exposure.kind == "science",
                Exposure.mjd >= nights[0].first_mjd,
                Exposure.mjd < nights[-1].last_mjd,
                latest(),
            ),
        )
        .order_by(Product.id)
    )
    found: dict[tuple[str, str, int], list[float]] = {}
    for mjd, band, section_filters, place, *values in session.execute(wanted):
        night = Night.at(mjd, nights[0].longitude_deg).number
        for name, value in zip(names, values, strict=True):
            if value is not None:
                found.setdefault((name, band or section_filters.get(place, ""), night), []).append(value)
    return found


def _decisions(
    session: Session, exposures: Iterable[UUID], tagged: Select[Any]
) -> dict[tuple[UUID, str], tuple[int, int, int, dict[str, Any]]]:
    wanted = (
        select(
            *(Product.exposure_id, Product.place),
            *(Decisions.n_peaks, Decisions.n_flagged, Decisions.n_deleted, Decisions.counts),
        )
        .join(Product, Product.id == Decisions.id)
        .where(Product.exposure_id.in_(given(exposures)), latest(tagged))
    )
    return {(exposure, place): tuple(rest) for exposure, place, *rest in session.execute(wanted)}


def _check(
    exposure: Exposure, section: str, progress: Progress, decided: tuple[int, int, int, dict[str, Any]] | None
) -> SectionCheck:
    state, step, reason = _state(progress)
    done = {process: made.metrics for process, made in progress.products.items() if made.state == "done"}
    values = {quantity.name: quantity.value(done.get(quantity.process, {})) for quantity in QUANTITIES}
    n_peaks, n_flagged, n_deleted, counts = decided or (0, 0, 0, {})
    scoring = done.get("scoring", {})
    return SectionCheck(
        exposure_id=exposure.id,
        exposure=Path(exposure.components[0]["name"]).name,
        mjd=exposure.mjd,
        filter=exposure.filter or exposure.section_filters.get(section, ""),
        section=section,
        state=state,
        step=step,
        reason=reason,
        values={name: value for name, value in values.items() if value is not None},
        n_peaks=n_peaks,
        n_flagged=n_flagged,
        n_deleted=n_deleted,
        decisions=counts,
        scores=scoring.get("score_histogram", {}),
        n_likely_real=scoring.get("n_likely_real", {}),
    )


def _state(progress: Progress) -> tuple[str, str, str]:
    """Return state, last step and reason of a section."""
    # A search with injected sources that cannot be made says nothing against the search itself.
    chain = [made for made in progress.products.values() if made.process != "completeness"]
    rejected = [made for made in chain if made.state == "rejected"]
    if rejected:
        return "rejected", rejected[-1].process, rejected[-1].reason
    report, last = progress.report, list(progress.products)[-1:]
    if report is not None and report.state in {"waiting", "failed", "running"}:
        return report.state, report.step, report.error
    return ("done", last[0], "") if last else ("not processed", "", "")

"""Tells of every exposure what happened at a position of the sky."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from seechange_core.api import Instrument
from seechange_core.errors import StoreError
from seechange_core.frames import DecisionTable, SkyMapping
from seechange_core.models import Image, ImageMember, Reference
from seechange_core.store.history import sentences
from seechange_core.store.history.candidates import candidate_of, distances_arcsec
from seechange_core.store.history.coverage import Coverage, coverages
from seechange_core.store.history.finding import Candidate, Finding, LocalDepth, Verdict
from seechange_core.store.history.local_depth import Place, local_depth
from seechange_core.store.history.progress import Progress, progress_of
from seechange_core.store.latest import tagged
from seechange_core.store.loading import read_role
from seechange_core.store.store import Store

#: Where more of the PSF's core is unusable than this, a position counts as masked.
_MASKED_FRACTION = 0.3


def position_history(
    store: Store,
    ra: float,
    dec: float,
    *,
    instruments: Mapping[str, type[Instrument]],
    exposure_id: UUID | None = None,
    radius_arcsec: float = 1.5,
    near_arcsec: float = 60.0,
    tag: str = "current",
) -> list[Finding]:
    """Return what happened at a position in each exposure that covers it or just misses it, in the order of time.

    Parameters
    ----------
    store : Store
        Database and files.
    ra, dec : float
        The position (deg, ICRS).
    instruments : mapping
        Cameras by name: they tell where sections lie that were not processed yet.
    exposure_id : UUID, optional
        This exposure only, however far it is.
    radius_arcsec : float
        A peak within it is at the position: the nearest of those that were not deleted, else the nearest.
    near_arcsec : float
        Exposures that miss the position by more are left out.
    tag : str
        Of the processing.
    """
    provenances = tagged(tag)
    with store.database.read() as session:
        covered = coverages(
            session,
            ra,
            dec,
            near_arcsec=near_arcsec,
            exposure_id=exposure_id,
            tagged=provenances,
            instruments=instruments,
        )
        progress = progress_of(session, {one.exposure.id for one in covered}, provenances)
        history = _History(session, store, (ra, dec), radius_arcsec, provenances, tag)
        findings = [
            history.finding(one, progress.get((one.exposure.id, one.section), Progress())) for one in covered
        ]
    return _merged(findings)


def _merged(findings: list[Finding]) -> list[Finding]:
    """Tell of sections of one exposure that were not processed in one finding."""
    merged: list[Finding] = []
    for finding in findings:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.verdict == "not processed"
            and last == replace(finding, section=last.section)
        ):
            merged[-1] = replace(last, section=f"{last.section}, {finding.section}")
        else:
            merged.append(finding)
    return merged


class _History:
    """One question while it is answered: see `position_history`."""

    def __init__(
        self,
        session: Session,
        store: Store,
        position: tuple[float, float],
        radius_arcsec: float,
        tagged: Select[Any],
        tag: str,
    ) -> None:
        self._session = session
        self._files = store.files
        self._position = position
        self._radius_arcsec = radius_arcsec
        self._tagged = tagged
        self._tag = tag

    def finding(self, coverage: Coverage, progress: Progress) -> Finding:
        """Return what happened in one section."""
        told = partial(_finding, coverage)
        mapping = coverage.mapping
        if coverage.outside_arcsec:
            return told("not covered", sentences.not_covered(coverage.outside_arcsec))
        stop = progress.stop()
        if stop is None and not progress.products:
            return told("not processed", sentences.not_processed(self._tag))
        if stop is not None and stop.state == "done" and self._in_reference(coverage):
            return told("in reference", sentences.in_reference(stop), stop=stop)
        place = None if mapping is None else self._place(mapping, coverage)
        told = partial(told, x=place and place.x, y=place and place.y, stop=stop)
        if stop is not None:
            depth = None if place is None else self._depth(progress, place)[0]
            return told("stopped", sentences.stopped(stop, covers=mapping is not None), depth=depth)
        if place is None or mapping is None:
            return told("unknown", sentences.mixed(self._tag))
        depth, problem = self._depth(progress, place)
        measuring = progress.products["measuring"]
        try:
            decisions: DecisionTable = read_role(self._session, self._files, measuring.identity, "decisions")
        except StoreError as error:
            return told("unknown", sentences.unreadable(str(error)), depth=depth)
        distances = distances_arcsec(decisions, place.x, place.y, mapping.pixel_scale_arcsec)
        near = distances <= self._radius_arcsec
        if near.any():
            # What is left of a star has lobes that are deleted; a source beside them matters more.
            peak = int(np.lexsort((distances, decisions["deleted"] != 0, ~near))[0])
            candidate = candidate_of(
                self._session, decisions, peak, float(distances[peak]), measuring.id, self._tagged
            )
            return told(_verdict(candidate), sentences.decided(candidate), depth=depth, candidate=candidate)
        if depth is None:
            return told("unknown", sentences.unreadable(f"no peak, but {problem}"))
        verdict, nearest = _verdict_without_peak(depth), float(np.min(distances, initial=math.inf))
        return told(verdict, sentences.without_peak(verdict, depth, nearest), depth=depth)

    def _in_reference(self, coverage: Coverage) -> bool:
        """Tell whether a section is one of those that a reference in use was made from."""
        member = (
            select(Image.id)
            .join(ImageMember, ImageMember.member_id == Image.id)
            .join(Reference, Reference.image_id == ImageMember.image_id)
            .where(Image.exposure_id == coverage.exposure.id, Image.section == coverage.section)
            .where(Reference.retired.is_(False))
        )
        return self._session.scalars(member.limit(1)).first() is not None

    def _place(self, mapping: SkyMapping, coverage: Coverage) -> Place:
        x, y = (float(value) for value in mapping.sky_to_pixel(*self._position))
        return Place(x, y, self._radius_arcsec / mapping.pixel_scale_arcsec, coverage.shape)

    def _depth(self, progress: Progress, place: Place) -> tuple[LocalDepth | None, str]:
        """Return what the difference shows, or None and why it cannot be told."""
        subtraction = progress.done("subtraction")
        if subtraction is None:
            return None, "there is no difference image"
        try:
            return local_depth(self._session, self._files, subtraction, progress.done("detection"), place), ""
        except StoreError as error:
            return None, str(error)


def _finding(coverage: Coverage, verdict: Verdict, summary: str, **known: Any) -> Finding:
    exposure = coverage.exposure
    return Finding(
        exposure_id=str(exposure.id),
        exposure=Path(exposure.components[0]["name"]).name,
        instrument=exposure.instrument,
        filter=exposure.filter or exposure.section_filters.get(coverage.section, ""),
        section=coverage.section,
        mjd=exposure.mjd,
        verdict=verdict,
        summary=summary,
        outside_arcsec=coverage.outside_arcsec,
        **known,
    )


def _verdict_without_peak(depth: LocalDepth) -> Verdict:
    if depth.unusable_fraction > _MASKED_FRACTION or depth.extreme_score is None:
        return "masked"
    above = depth.threshold is not None and abs(depth.extreme_score) >= depth.threshold
    return "part of another" if above else "below threshold"


def _verdict(candidate: Candidate) -> Verdict:
    verdicts = {test.verdict for test in candidate.tests}
    if "deleted" in verdicts or not candidate.measurement:
        return "deleted"
    return "flagged" if "flagged" in verdicts else "measured"

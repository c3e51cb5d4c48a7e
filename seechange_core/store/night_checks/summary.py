"""All checks of a night, or of one exposure, together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from seechange_core.models import Exposure
from seechange_core.store.database import Database
from seechange_core.store.latest import tagged
from seechange_core.store.night_checks.collecting import (
    Before,
    exposures_between,
    medians_of_nights,
    nights_before,
    section_checks,
)
from seechange_core.store.night_checks.drift import Drift
from seechange_core.store.night_checks.night import Night
from seechange_core.store.night_checks.quantities import QUANTITIES
from seechange_core.store.night_checks.section_check import SectionCheck
from seechange_core.store.night_checks.unusual import Unusual, unusual_things

#: How many earlier nights a night is compared with.
N_NIGHTS = 10


@dataclass(frozen=True)
class NightChecks:
    """Reality checks of a night or of one exposure.

    Parameters
    ----------
    title : str
        What they are of.
    instrument, tag : str
        Camera and processing.
    night : Night
        Which.
    earlier : tuple of str
        The nights that it is compared with, oldest first.
    sections : tuple of SectionCheck
        In the order of time.
    drifts : tuple of Drift
        One for each quantity and filter that was measured.
    unusual : tuple of Unusual
        The worst first.
    """

    title: str
    instrument: str
    tag: str
    night: Night
    earlier: tuple[str, ...]
    sections: tuple[SectionCheck, ...]
    drifts: tuple[Drift, ...]
    unusual: tuple[Unusual, ...]

    @property
    def states(self) -> Mapping[str, int]:
        """How many sections ended in which state."""
        return Counter(one.state for one in self.sections)

    @property
    def n_exposures(self) -> int:
        """How many exposures they are of."""
        return len({one.exposure_id for one in self.sections})

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            **{name: getattr(self, name) for name in ("title", "instrument", "tag", "n_exposures")},
            "night": self.night.name,
            "earlier_nights": list(self.earlier),
            "states": dict(self.states),
            "unusual": [asdict(one) for one in self.unusual],
            "drifts": [
                {
                    **{name: getattr(drift.quantity, name) for name in ("name", "process", "title")},
                    **{
                        name: getattr(drift, name)
                        for name in ("filter", "tonight", "usual", "scatter", "z", "worse")
                    },
                    "before": [list(one) for one in drift.before],
                }
                for drift in self.drifts
            ],
            "sections": [{**asdict(one), "exposure_id": str(one.exposure_id)} for one in self.sections],
        }


def check_night(database: Database, instrument: str, night: Night, tag: str = "current") -> NightChecks:
    """Return the checks of all science exposures of a camera in one night."""
    with database.read() as session:
        exposures = exposures_between(session, instrument, night.first_mjd, night.last_mjd)
        return _checks(session, f"{instrument}, night of {night.name}", instrument, night, exposures, tag)


def check_exposure(database: Database, exposure: Exposure, night: Night, tag: str = "current") -> NightChecks:
    """Return the checks of one exposure, compared with the nights before its own."""
    with database.read() as session:
        title = f"{exposure.instrument}, {exposure.components[0]['name'].rpartition('/')[2]}"
        return _checks(session, title, exposure.instrument, night, [exposure], tag)


def latest_night(database: Database, instrument: str, longitude_deg: float) -> Night | None:
    """Return the last night with science exposures of a camera; None if it has none."""
    wanted = select(Exposure.mjd).where(Exposure.instrument == instrument, Exposure.kind == "science")
    with database.read() as session:
        mjd = session.scalars(wanted.order_by(Exposure.mjd.desc()).limit(1)).first()
    return None if mjd is None else Night.at(mjd, longitude_deg)


def _checks(
    session: Session, title: str, instrument: str, night: Night, exposures: Sequence[Exposure], tag: str
) -> NightChecks:
    sections = section_checks(session, exposures, tagged(tag))
    earlier = nights_before(session, instrument, night, N_NIGHTS)
    drifts = _drifts(sections, medians_of_nights(session, instrument, earlier))
    return NightChecks(
        title=title,
        instrument=instrument,
        tag=tag,
        night=night,
        earlier=tuple(one.name for one in earlier),
        sections=tuple(sections),
        drifts=drifts,
        unusual=unusual_things(sections, drifts),
    )


def _drifts(sections: Sequence[SectionCheck], before: Before) -> tuple[Drift, ...]:
    found = []
    for quantity in QUANTITIES:
        for band in sorted({one.filter for one in sections}):
            values = [
                one.values[quantity.name]
                for one in sections
                if one.filter == band and quantity.name in one.values
            ]
            if values:
                found.append(Drift.of(quantity, band, values, before.get((quantity.name, band), [])))
    return tuple(found)

"""Which calibration frames a list of exposures makes: sections, filters, and exposures that do not belong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from seechange_core.api import ExposureHeader, Instrument
from seechange_core.errors import InputError
from seechange_core.runner.services import Services

#: Kinds of exposure that go in, by what is built. Twilight flats make sky flats if their files are named.
INPUT_KINDS: dict[str, tuple[str, ...]] = {
    "bias": ("bias",),
    "dark": ("dark",),
    "flat": ("flat",),
    "skyflat": ("science", "flat"),
    "fringe": ("science",),
    "illumination": ("science",),
    "badpixels": ("flat", "dark"),
    "gain": ("flat", "bias"),
}
_WITH_FILTER = {"flat", "skyflat", "fringe", "illumination"}
_ORDINAL_OF_MJD_0 = date(1858, 11, 17).toordinal()


@dataclass(frozen=True)
class CalibrationExposure:
    """An exposure that may go in."""

    files: tuple[Path, ...]
    header: ExposureHeader

    @property
    def name(self) -> str:
        """How messages call it."""
        return str(self.files[0])


@dataclass(frozen=True)
class CalibrationJob:
    """One calibration frame to be made.

    Parameters
    ----------
    kind, section, filter : str
        The filter is empty for kinds that do not depend on it.
    exposures : tuple of CalibrationExposure
        In the order of time.
    """

    kind: str
    section: str
    filter: str
    exposures: tuple[CalibrationExposure, ...]

    @property
    def mjd(self) -> float:
        """Middle of the exposures: the median of their times."""
        times = sorted(exposure.header.mjd for exposure in self.exposures)
        return times[len(times) // 2]


@dataclass
class CalibrationPlan:
    """What is to be made, and which exposures do not belong.

    Parameters
    ----------
    jobs : list of CalibrationJob
        By section and filter.
    rejected : dict of str to str
        Why, by name of the exposure.
    """

    jobs: list[CalibrationJob] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)


def night_of(mjd: float, instrument: Instrument) -> date:
    """Return the date on which the night of a time began: that of the noon before, at the camera's site."""
    longitude_deg = instrument.site.longitude_deg if instrument.site else 0.0
    return date.fromordinal(math.floor(mjd + longitude_deg / 360.0 - 0.5) + _ORDINAL_OF_MJD_0)


def plan_calibrations(
    services: Services,
    kind: str,
    exposures: Sequence[tuple[Path, ...]],
    *,
    filter: str = "",
    night: date | None = None,
    sections: Sequence[str] = (),
    fewest: int = 1,
) -> CalibrationPlan:
    """Sort exposures by section and filter.

    Parameters
    ----------
    kind : str
        A key of `INPUT_KINDS`.
    exposures : sequence of tuple of Path
        The files of each exposure.
    filter : str
        Only exposures in this one; by default each filter gets frames of its own.
    night : date, optional
        Only exposures of the night that began on this day.
    sections : sequence of str
        Only these; by default all that are not defective.
    fewest : int
        Filters with fewer exposures get no frame.

    Raises
    ------
    InputError
        If a named section is unknown, or nothing can be made; names what was rejected.
    """
    plan = CalibrationPlan()
    belonging = []
    for files in dict.fromkeys(exposures):
        try:
            exposure = CalibrationExposure(files, services.instrument.read_header(files))
        except InputError as error:
            plan.rejected[str(files[0])] = str(error)
            continue
        reason = _unfit(exposure, kind, filter, night, services.instrument)
        if reason:
            plan.rejected[exposure.name] = reason
        else:
            belonging.append(exposure)
    belonging.sort(key=lambda exposure: (exposure.header.mjd, exposure.name))
    for section in _sections(services, belonging, sections):
        holding = [exposure for exposure in belonging if section in exposure.header.sections]
        for band, members in _by_filter(kind, section, filter, holding).items():
            if len(members) < fewest:
                what = f"{len(members)} of filter {band}" if band else str(len(members))
                reason = f"only {what} for a {kind} of {section}, at least {fewest} are needed"
                plan.rejected |= {exposure.name: reason for exposure in members}
            else:
                plan.jobs.append(CalibrationJob(kind, section, band, tuple(members)))
    if not plan.jobs:
        reasons = [f"{name}: {reason}" for name, reason in plan.rejected.items()]
        raise InputError("\n".join([f"there are no exposures to build a {kind} from", *reasons]))
    return plan


def _unfit(
    exposure: CalibrationExposure, kind: str, filter: str, night: date | None, instrument: Instrument
) -> str:
    header = exposure.header
    if header.kind not in INPUT_KINDS[kind]:
        return f"it is of kind {header.kind}, not {' or '.join(INPUT_KINDS[kind])}"
    bands = {header.filter, *header.section_filters.values()}
    if filter and header.kind in ("flat", "science") and filter not in bands:
        return f"its filter is {header.filter}, not {filter}"
    if night is not None and night_of(header.mjd, instrument) != night:
        return f"it is of the night of {night_of(header.mjd, instrument)}, not {night}"
    return ""


def _by_filter(
    kind: str, section: str, wanted: str, exposures: Sequence[CalibrationExposure]
) -> dict[str, list[CalibrationExposure]]:
    """Return the exposures by filter; those that need none under an empty name."""
    if kind not in _WITH_FILTER:
        return {"": list(exposures)} if exposures else {}
    bands = [exposure.header.section_filters.get(section, exposure.header.filter) for exposure in exposures]
    return {
        band: [exposure for exposure, one in zip(exposures, bands, strict=True) if one == band]
        for band in Counter(bands)
        if not wanted or band == wanted
    }


def _sections(
    services: Services, exposures: Sequence[CalibrationExposure], named: Sequence[str]
) -> list[str]:
    present = list(dict.fromkeys(section for one in exposures for section in one.header.sections))
    unknown = [section for section in named if section not in {*present, *services.instrument.sections}]
    if unknown:
        raise InputError(f"no section is called {', '.join(unknown)}; there are {', '.join(present)}")
    if named or not exposures:
        return list(named)
    described = services.instrument.sections
    defective = {name: described[name].defective for name in present if name in described}
    defective |= services.store.sensor_sections.defective(services.instrument.name, exposures[0].header.mjd)
    return [section for section in present if not defective.get(section, False)]

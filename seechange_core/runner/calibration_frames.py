"""Builds calibration frames of every section from raw exposures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seechange_core.errors import InputError, MissingInput
from seechange_core.frames import CalibrationFrame, SectionData
from seechange_core.imaging.calibration_frames import CORRECTED_BEFORE, combine_calibration
from seechange_core.provenance import Provenance, product_id
from seechange_core.runner.services import Services
from seechange_core.steps.preprocessing import Preprocessing
from seechange_core.store.record import Observation, ProductRecord

_VERSION = "1.0"


@dataclass(frozen=True)
class BuiltCalibration:
    """A calibration frame that was made and registered.

    Parameters
    ----------
    kind, section, filter : str
        What it is; the filter is empty for kinds that do not depend on it.
    identity : str
        Its product id.
    n_exposures : int
        That went in.
    """

    kind: str
    section: str
    filter: str
    identity: str
    n_exposures: int


def build_calibrations(
    services: Services,
    kind: str,
    exposures: Sequence[tuple[Path, ...]],
    *,
    valid_from_mjd: float | None = None,
    valid_to_mjd: float | None = None,
) -> list[BuiltCalibration]:
    """Combine the exposures of one kind, section by section.

    Parameters
    ----------
    kind : str
        ``bias`` or ``flat``.
    exposures : sequence of tuple of Path
        The files of each exposure; their order does not matter, and one that is named twice enters once.
    valid_from_mjd, valid_to_mjd : float, optional
        When the results may be used; no limit by default.

    Raises
    ------
    InputError
        If an exposure is of another kind, or flats are of several filters.
    MissingInput
        If what the exposures have to be corrected with is not there.
    """
    headers = [services.instrument.read_header(files) for files in exposures]
    for files, header in zip(exposures, headers, strict=True):
        if header.kind != kind:
            raise InputError(f"{files[0]} is of kind {header.kind}, not {kind}")
    filters = sorted({header.filter for header in headers}) if kind == "flat" else [""]
    if len(filters) > 1:
        raise InputError(
            f"the flats are of several filters: {', '.join(filters)}; build one filter at a time"
        )
    registered = {
        services.store.exposures.register(services.instrument.name, header, files).identity: files
        for files, header in zip(exposures, headers, strict=True)
    }
    identities = sorted(registered)
    first = min(headers, key=lambda header: header.mjd)
    corrections = _corrections(services, kind)
    provenance = Provenance.of(kind, _VERSION, {}, {"": corrections}, {})
    built = []
    for section in first.sections:
        calibrations = _needed(services, corrections, section, filters[0], first.mjd)
        inputs = {f"exposure_{number}": exposure for number, exposure in enumerate(identities)}
        inputs |= {f"calibration.{name}": frame.product_id for name, frame in calibrations.items()}
        identity = product_id(provenance.id, section, inputs)
        if not services.store.calibrations.has(identity):
            corrected = [
                _corrected(services.instrument.read(registered[exposure], section), corrections, calibrations)
                for exposure in identities
            ]
            observation = Observation(
                instrument=services.instrument.name,
                filter=filters[0],
                mjd=first.mjd,
                exposure_s=first.exposure_s,
                section=section,
            )
            services.store.calibrations.register(
                ProductRecord(identity, provenance, section, identity, inputs, observation),
                combine_calibration(kind, corrected, identity),
                valid_from_mjd=valid_from_mjd,
                valid_to_mjd=valid_to_mjd,
            )
        built.append(BuiltCalibration(kind, section, filters[0], identity, len(identities)))
    return built


def _corrections(services: Services, kind: str) -> tuple[Any, ...]:
    """Return the components that come before the combination, with the parameters that the profile gives them."""
    named = {
        component.name: component for component in services.profile.components(Preprocessing.process)[""]
    }
    missing = [name for name in CORRECTED_BEFORE[kind] if name not in named]
    if missing:
        raise MissingInput(missing[0], f"preprocessing.use must name {', '.join(missing)} to make a {kind}")
    return tuple(named[name] for name in CORRECTED_BEFORE[kind])


def _needed(
    services: Services, corrections: Sequence[Any], section: str, band: str, mjd: float
) -> dict[str, CalibrationFrame]:
    frames = {}
    for kind in dict.fromkeys(kind for component in corrections for kind in component.calibrations()):
        identity = services.store.calibrations.find(
            kind=kind, instrument=services.instrument.name, section=section, filter=band, mjd=mjd
        )
        if identity is None:
            raise MissingInput(
                kind,
                f"no {kind} of {section} is known: build it first, with 'seechange calibration build {kind}'",
            )
        frames[kind] = services.store.calibrations.load(identity)
    return frames


def _corrected(
    section: SectionData, corrections: Sequence[Any], calibrations: dict[str, CalibrationFrame]
) -> SectionData:
    for component in corrections:
        section = component.apply(section, calibrations)
    return section

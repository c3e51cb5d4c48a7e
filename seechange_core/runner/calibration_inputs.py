"""Raw exposures on their way into a calibration frame: read, and corrected for what comes before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seechange_core.errors import MissingInput
from seechange_core.frames import Calibration, SectionData
from seechange_core.runner.calibration_jobs import CalibrationExposure, CalibrationJob
from seechange_core.runner.measured_sensor import MeasuredSensor
from seechange_core.runner.other_sections import OtherSections
from seechange_core.runner.services import Services
from seechange_core.steps.preprocessing import Preprocessing

_READ_OUT = ("overscan", "crosstalk", "linearity")
_DARK = (*_READ_OUT, "saturation", "bias")
_FLAT = (*_DARK, "dark", "gain")
_SKY = (*_FLAT, "flat", "badpixels")
#: Which corrections of the profile the exposures get before they are combined, by kind. Flats are combined in
#: electrons, so that the ratio of the amplifiers' gains stays out of the response.
CORRECTED_BEFORE: Mapping[str, tuple[str, ...]] = {
    "bias": ("overscan",),
    "dark": _DARK,
    "flat": _FLAT,
    "skyflat": _FLAT,
    "badpixels": _FLAT,
    "illumination": _SKY,
    "fringe": (*_SKY, "illumination"),
    "gain": _READ_OUT,
}


@dataclass(frozen=True)
class Corrections:
    """The corrections that come before a calibration frame, with the calibration files that they need.

    Parameters
    ----------
    components : tuple of Detrender
        With the parameters that the profile gives them, in its order.
    calibrations : mapping of str to CalibrationFrame or CalibrationTable
        By kind.
    sensor : MeasuredSensor
        What was measured of the section.
    """

    components: tuple[Any, ...]
    calibrations: Mapping[str, Calibration]
    sensor: MeasuredSensor

    @property
    def inputs(self) -> dict[str, str]:
        """Identities of what the corrections use, by role."""
        used = {f"calibration.{kind}": one.product_id for kind, one in self.calibrations.items()}
        return {**used, **self.sensor.origin}

    def only(self, kind: str) -> Corrections:
        """Return those that come before another kind."""
        components = tuple(one for one in self.components if one.name in CORRECTED_BEFORE[kind])
        return Corrections(components, self.calibrations, self.sensor)

    def read(
        self, services: Services, exposure: CalibrationExposure, section: str
    ) -> tuple[SectionData, float]:
        """Read a section of an exposure and correct it; return it with the part of its raw pixels that is saturated.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        others = OtherSections(services.instrument, exposure.files, exposure.header.sections)
        raw = self.sensor.described(services.instrument.read(exposure.files, section))
        full = [
            np.count_nonzero(raw.data[amplifier.data.slices] >= amplifier.saturation_adu)
            for amplifier in raw.amplifiers
        ]
        whole = sum(raw.data[amplifier.data.slices].size for amplifier in raw.amplifiers)
        data = raw.replaced(others=others)
        for component in self.components:
            if component.applies_to(raw):
                data = component.apply(data, self.calibrations)
        info = {**data.info, "exposure_s": exposure.header.exposure_s}
        return data.replaced(others={}, info=info), sum(full) / max(whole, 1)


def corrections_before(services: Services, kind: str) -> tuple[Any, ...]:
    """Return the components of the profile's preprocessing that come before a kind of calibration frame."""
    named = services.profile.components(Preprocessing.process)[""]
    return tuple(component for component in named if component.name in CORRECTED_BEFORE[kind])


def bound_corrections(services: Services, job: CalibrationJob, components: Sequence[Any]) -> Corrections:
    """Find the calibration files that the corrections of a job need.

    Raises
    ------
    MissingInput
        If one is not there, unless ``preprocessing.optional`` names its kind; its correction is then left out.
    """
    optional = services.profile.parameters(Preprocessing.process).optional
    instrument, store = services.instrument.name, services.store
    calibrations: dict[str, Calibration] = {}
    missing = set()
    for kind in dict.fromkeys(kind for component in components for kind in component.calibrations()):
        identity = store.calibrations.find(
            kind=kind, instrument=instrument, section=job.section, filter=_band(job), mjd=job.mjd
        )
        if identity is not None:
            calibrations[kind] = store.calibrations.load(identity)
        elif kind in optional:
            missing.add(kind)
        else:
            raise MissingInput(
                kind,
                f"no {kind} of {instrument} {job.section} is valid on MJD {job.mjd:.3f}: build it first, with "
                f"'seechange calibration build {kind}', or add {kind} to preprocessing.optional",
            )
    usable = tuple(one for one in components if not missing.intersection(one.calibrations()))
    sensor = MeasuredSensor.at(store, instrument, job.section, job.mjd)
    return Corrections(usable, calibrations, sensor)


def _band(job: CalibrationJob) -> str:
    return job.filter or job.exposures[0].header.section_filters.get(job.section, "")

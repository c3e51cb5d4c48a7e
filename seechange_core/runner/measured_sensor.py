"""What was measured of a section at a time, over what the camera says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from seechange_core.frames import Amplifier, SectionData
from seechange_core.params import content_id
from seechange_core.store import Store

GAIN = "gain"


@dataclass(frozen=True)
class MeasuredSensor:
    """Gains and read noises by amplifier, and what was said of the whole section.

    Parameters
    ----------
    overrides : mapping of str to float
        Properties of all amplifiers that were set by hand; they come last.
    by_amplifier : mapping of str to mapping
        Measured properties by the name of the amplifier.
    gain_identity : str
        Of the calibration that these come from; empty for none.
    """

    overrides: Mapping[str, float]
    by_amplifier: Mapping[str, Mapping[str, float]]
    gain_identity: str = ""

    @classmethod
    def at(cls, store: Store, instrument: str, section: str, mjd: float) -> MeasuredSensor:
        """Look up what holds at a time."""
        overrides = store.sensor_sections.overrides(instrument, section, mjd)
        identity = store.calibrations.find(
            kind=GAIN, instrument=instrument, section=section, filter="", mjd=mjd
        )
        if identity is None:
            return cls(overrides, {})
        return cls(overrides, _properties(store.calibrations.load(identity)), identity)

    @property
    def origin(self) -> dict[str, str]:
        """Identities that a section's chain starts from besides its exposure."""
        sensor = {"sensor": content_id(dict(self.overrides))} if self.overrides else {}
        return {**sensor, **({GAIN: self.gain_identity} if self.gain_identity else {})}

    def described(self, section: SectionData) -> SectionData:
        """Return a section as read, with its amplifiers as they were measured."""
        return section.replaced(amplifiers=tuple(self._amplifier(one) for one in section.amplifiers))

    def _amplifier(self, amplifier: Amplifier) -> Amplifier:
        measured: dict[str, Any] = dict(self.by_amplifier.get(amplifier.name, {}))
        if "saturation_adu" in measured:
            measured["saturation_adu"] = min(measured["saturation_adu"], amplifier.saturation_adu)
        return replace(amplifier, **{**measured, **self.overrides})


def _properties(calibration: Any) -> dict[str, dict[str, float]]:
    """Return the measured properties by amplifier; what was not measured is NaN in the table."""
    table = calibration.table
    names = ("gain", "read_noise_electron", "saturation_adu")
    return {
        str(amplifier): {name: float(table[name][row]) for name in names if table[name][row] > 0}
        for row, amplifier in enumerate(table["amplifier"])
    }

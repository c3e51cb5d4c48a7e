"""Gain: from ADU to electrons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seechange_core.api import Detrender
from seechange_core.builtin.detrending.marking import recorded
from seechange_core.frames import Calibration, SectionData


class Gain(Detrender):
    """Multiplies each amplifier by its gain; what is in electrons already is left alone."""

    name: ClassVar[str] = "gain"
    version: ClassVar[str] = "1.0"
    for_calibrated: ClassVar[bool] = True

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section in electrons; a variance that came with it is converted too."""
        if section.unit == "electron":
            return section
        data = section.data.copy()
        variance = None if section.variance is None else section.variance.copy()
        for amplifier in section.amplifiers:
            data[amplifier.data.slices] *= amplifier.gain
            if variance is not None:
                variance[amplifier.data.slices] *= amplifier.gain**2
        return recorded(section.replaced(data=data, variance=variance, unit="electron"), self.name)

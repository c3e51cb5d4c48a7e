"""Gain matching: amplifiers that drifted apart, brought together again by the sky at their borders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import mask_of, recorded
from seechange_core.errors import PluginError
from seechange_core.frames import Calibration, SectionData, unusable


class GainMatchParams(Params):
    """Parameters of `GainMatch`."""

    largest_change: float = parameter(
        0.05, description="Larger changes are not believed, and none is made", gt=0, lt=1
    )
    least_significance: float = parameter(3.0, description="Smaller changes are not made", unit="sigma", ge=0)


class GainMatch(Detrender):
    """Scales the amplifiers so that the sky goes on across their borders; goes after ``flat`` and ``gain``.

    The product of the factors is 1, so the zero point stays. They go into ``info`` as ``gain_factors``.
    """

    name: ClassVar[str] = "gainmatch"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = GainMatchParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with matched amplifiers; as it is if they match already or no border tells."""
        from seechange_core.imaging.detrending.amplifier_steps import matching_factors

        if section.unit != "electron":
            raise PluginError("preprocessing.use: gainmatch needs electrons; name gain before it")
        boxes = [amplifier.data for amplifier in section.amplifiers]
        found = matching_factors(section.data, ~unusable(mask_of(section)), boxes)
        if found is None:
            return section
        factors, errors = found
        change = np.abs(factors - 1.0)
        significant = (change > self.params.least_significance * errors).any()
        if not significant or (change > self.params.largest_change).any():
            return section
        data, amplifiers = section.data.copy(), []
        for amplifier, factor in zip(section.amplifiers, factors.tolist(), strict=True):
            data[amplifier.data.slices] *= np.float32(factor)
            noise = amplifier.read_noise_electron * factor
            amplifiers.append(replace(amplifier, gain=amplifier.gain * factor, read_noise_electron=noise))
        told = {
            amplifier.name: factor for amplifier, factor in zip(amplifiers, factors.tolist(), strict=True)
        }
        section = section.replaced(
            data=data, amplifiers=tuple(amplifiers), info={**section.info, "gain_factors": told}
        )
        return recorded(section, self.name)

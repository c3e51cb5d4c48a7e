"""Saturation: pixels too full to be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import marked, recorded
from seechange_core.frames import Calibration, MaskPlane, SectionData
from seechange_core.imaging.masked_pixels import grown


class SaturationParams(Params):
    """Parameters of `Saturation`."""

    grow_pixel: float = parameter(
        1.0, description="Also mask pixels within this distance of a saturated one", unit="pixel", ge=0, le=50
    )


class Saturation(Detrender):
    """Masks pixels at or above their amplifier's saturation level; works before and after trimming."""

    name: ClassVar[str] = "saturation"
    version: ClassVar[str] = "1.0"
    for_calibrated: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = SaturationParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with saturated pixels masked; its pixels are left as they are."""
        full = np.zeros(section.data.shape, dtype=bool)
        for amplifier in section.amplifiers:
            in_unit = amplifier.gain if section.unit == "electron" else 1.0
            box = amplifier.data.slices
            full[box] = section.data[box] >= amplifier.saturation_adu * in_unit
        full = grown(full, self.params.grow_pixel)
        return recorded(marked(section, MaskPlane.SATURATED, full), self.name)

"""Saturation: pixels too full to be trusted, and what their charge ran into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import marked, recorded
from seechange_core.frames import Calibration, MaskPlane, SectionData


class SaturationParams(Params):
    """Parameters of `Saturation`."""

    grow_pixel: float = parameter(
        1.0, description="Also mask pixels within this distance of a saturated one", unit="pixel", ge=0, le=50
    )
    bleed_length_pixel: int = parameter(
        6,
        description="Least length of a saturated run along a column that may have bled; 0: look for no trails",
        unit="pixel",
        ge=0,
    )
    bleed_sigma: float = parameter(
        4.0, description="How far the end of a trail has to stand out from its sides", unit="sigma", gt=0
    )


class Saturation(Detrender):
    """Masks pixels at or above their amplifier's saturation level, and bleed trails; goes after ``overscan``.

    Without bleed trails it works before trimming too.
    """

    name: ClassVar[str] = "saturation"
    version: ClassVar[str] = "1.1"
    for_calibrated: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = SaturationParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with saturated pixels and bleed trails masked; its pixels are left as they are."""
        from seechange_core.imaging.detrending.bleed_trails import find_bleed_trails
        from seechange_core.imaging.masked_pixels import grown
        from seechange_core.imaging.robust import scatter

        full = np.zeros(section.data.shape, dtype=bool)
        for amplifier in section.amplifiers:
            in_unit = amplifier.gain if section.unit == "electron" else 1.0
            box = amplifier.data.slices
            np.greater_equal(section.data[box], np.float32(amplifier.saturation_adu * in_unit), out=full[box])
        if not full.any():
            return recorded(section, self.name)
        trimmed = all(amplifier.overscan is None for amplifier in section.amplifiers)
        corrected = marked(section, MaskPlane.SATURATED, grown(full, self.params.grow_pixel))
        if trimmed and self.params.bleed_length_pixel:
            # Differences of neighbours know no gradient; their scatter is that of two pixels.
            noise = scatter(np.diff(section.data[::64], axis=1)) / np.sqrt(2.0)
            trails = find_bleed_trails(
                section.data,
                full,
                noise,
                least_length=self.params.bleed_length_pixel,
                threshold=self.params.bleed_sigma,
            )
            if trails.any():
                corrected = marked(corrected, MaskPlane.BLEED, grown(trails, self.params.grow_pixel))
        return recorded(corrected, self.name)

"""Overscan: the electronic level of each amplifier, and the raw pixels put in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from seechange_core.api import Detrender, InputError, Params, parameter
from seechange_core.builtin.detrending.marking import mask_of, recorded
from seechange_core.frames import Calibration, SectionData
from seechange_core.imaging.assembly import assembled


class OverscanParams(Params):
    """Parameters of `Overscan`."""

    method: Literal["row", "level"] = parameter(
        "row", description="Subtract a level for each row, or one for the whole amplifier"
    )
    smoothing_rows: int = parameter(
        51, description="Length of the running mean over the levels of rows", unit="pixel", ge=1
    )


class Overscan(Detrender):
    """Subtracts the level of each amplifier's overscan, cuts the overscan away and assembles the amplifiers."""

    name: ClassVar[str] = "overscan"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = OverscanParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the assembled section; saturation levels are lowered by what was subtracted."""
        from seechange_core.imaging import overscan

        data = section.data.copy()
        trimmed = []
        for amplifier in section.amplifiers:
            if amplifier.overscan is None:
                raise InputError(
                    f"amplifier {amplifier.name} of {section.info.get('section')} has no overscan; "
                    "take overscan out of preprocessing.use"
                )
            pixels = section.data[amplifier.overscan.slices]
            level = overscan.overscan_level(pixels)
            if self.params.method == "row" and pixels.shape[0] == amplifier.data.shape[0]:
                rows = overscan.overscan_by_row(pixels, self.params.smoothing_rows)
                data[amplifier.data.slices] -= rows[:, None].astype(np.float32)
            else:
                data[amplifier.data.slices] -= np.float32(level)
            trimmed.append(
                replace(
                    amplifier,
                    data=amplifier.trimmed,
                    overscan=None,
                    saturation_adu=amplifier.saturation_adu - level,
                    flip_x=False,
                    flip_y=False,
                )
            )
        corrected = section.replaced(
            data=assembled(data, section.amplifiers),
            mask=assembled(mask_of(section), section.amplifiers),
            amplifiers=tuple(trimmed),
        )
        return recorded(corrected, self.name)

"""Overscan: the electronic level of each amplifier, and the raw pixels put in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from seechange_core.api import Detrender, InputError, Params, parameter
from seechange_core.builtin.detrending.marking import recorded
from seechange_core.frames import Calibration, SectionData
from seechange_core.imaging.detrending.assembly import assembled, assembled_shape, placed


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
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = OverscanParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the assembled section; saturation levels are lowered by what was subtracted.

        Level and read noise of each amplifier, as its overscan has them, go into ``info``.
        """
        from seechange_core.imaging.detrending import overscan

        image = np.zeros(assembled_shape(section.amplifiers), np.float32)
        trimmed, levels, noises = [], {}, {}
        for amplifier in section.amplifiers:
            if amplifier.overscan is None:
                raise InputError(
                    f"amplifier {amplifier.name} of {section.info.get('section')} has no overscan; "
                    "take overscan out of preprocessing.use"
                )
            pixels = section.data[amplifier.overscan.slices]
            level = overscan.overscan_level(pixels)
            levels[amplifier.name] = level
            noises[amplifier.name] = overscan.overscan_noise(pixels) * amplifier.gain
            subtracted = np.full(1, level)
            if self.params.method == "row" and pixels.shape[0] == amplifier.data.shape[0]:
                subtracted = overscan.overscan_by_row(pixels, self.params.smoothing_rows)
            raw, target = placed(section.data, image, amplifier)
            rows = subtracted[:: -1 if amplifier.flip_y else 1, None].astype(np.float32)
            np.subtract(raw, rows, out=target)
            trimmed.append(
                replace(
                    amplifier,
                    data=amplifier.trimmed,
                    overscan=None,
                    saturation_adu=amplifier.saturation_adu - level,
                    flip_x=False,
                    flip_y=False,
                    reversed_x=amplifier.reversed_x != amplifier.flip_x,
                    reversed_y=amplifier.reversed_y != amplifier.flip_y,
                )
            )
        told = {"overscan_level_adu": levels, "overscan_noise_electron": noises}
        corrected = section.replaced(
            data=image,
            mask=None if section.mask is None else assembled(section.mask, section.amplifiers),
            amplifiers=tuple(trimmed),
            info={**section.info, **told},
        )
        return recorded(corrected, self.name)

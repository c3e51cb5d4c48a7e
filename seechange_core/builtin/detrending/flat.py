"""Flat field: how sensitive each pixel is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import fitting, marked, recorded, with_its_mask
from seechange_core.frames import Calibration, MaskPlane, SectionData


class FlatParams(Params):
    """Parameters of `Flat`."""

    least_response: float = parameter(
        0.3, description="Pixels less sensitive than this are masked as bad", gt=0, lt=1
    )


class Flat(Detrender):
    """Divides by the flat field (median 1) and masks its dead pixels."""

    name: ClassVar[str] = "flat"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = FlatParams

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed."""
        return ("flat",)

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section as an evenly sensitive detector would have seen it."""
        flat = fitting(calibrations["flat"], section)
        alive = flat.data >= self.params.least_response
        response = np.where(alive, flat.data, np.float32(1.0))
        corrected = with_its_mask(section.replaced(data=section.data / response), flat)
        return recorded(marked(corrected, MaskPlane.BAD, ~alive), self.name, flat.product_id)

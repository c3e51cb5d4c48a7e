"""Bias: the pattern that the electronics leave on every image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seechange_core.api import Detrender
from seechange_core.builtin.detrending.marking import fitting, in_adu, recorded, with_its_mask
from seechange_core.frames import Calibration, SectionData


class Bias(Detrender):
    """Subtracts the bias frame (ADU, without overscan level) and masks its hot pixels."""

    name: ClassVar[str] = "bias"
    version: ClassVar[str] = "1.0"

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed."""
        return ("bias",)

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section without the pattern."""
        bias = fitting(calibrations["bias"], in_adu(section, self.name))
        corrected = section.replaced(data=section.data - bias.data)
        return recorded(with_its_mask(corrected, bias), self.name, bias.product_id)

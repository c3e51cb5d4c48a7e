"""Dark current: charge that gathers without light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender
from seechange_core.builtin.detrending.marking import fitting, in_adu, recorded, with_its_mask
from seechange_core.frames import Calibration, SectionData


class Dark(Detrender):
    """Subtracts the dark frame (ADU per second) times the exposure time, and masks its hot pixels."""

    name: ClassVar[str] = "dark"
    version: ClassVar[str] = "1.0"

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed."""
        return ("dark",)

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section without dark current."""
        dark = fitting(calibrations["dark"], in_adu(section, self.name))
        charge = dark.data * np.float32(section.info["exposure_s"])
        corrected = section.replaced(data=np.subtract(section.data, charge, out=charge))
        return recorded(with_its_mask(corrected, dark), self.name, dark.product_id)

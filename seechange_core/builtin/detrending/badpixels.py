"""Bad pixels: defects that a map of the detector lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seechange_core.api import Detrender
from seechange_core.builtin.detrending.marking import fitting, marked, recorded, with_its_mask
from seechange_core.frames import Calibration, MaskPlane, SectionData


class BadPixels(Detrender):
    """Masks what a calibration file of kind ``badpixels`` lists: its mask, and pixels that are not 0 in its data."""

    name: ClassVar[str] = "badpixels"
    version: ClassVar[str] = "1.0"

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed."""
        return ("badpixels",)

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with defects masked."""
        listed = fitting(calibrations["badpixels"], section)
        corrected = with_its_mask(marked(section, MaskPlane.BAD, listed.data != 0), listed)
        return recorded(corrected, self.name, listed.product_id)

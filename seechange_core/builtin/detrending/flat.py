"""Flat field and illumination: how sensitive each pixel is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import fitting, marked, recorded, with_its_mask
from seechange_core.frames import Calibration, MaskPlane, SectionData


class FlatParams(Params):
    """Parameters of `Flat` and `Illumination`."""

    least_response: float = parameter(
        0.3, description="Pixels less sensitive than this are masked as bad", gt=0, lt=1
    )


class Flat(Detrender):
    """Divides by the flat field (median 1) and masks its dead pixels."""

    name: ClassVar[str] = "flat"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = FlatParams

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed; it is called what the correction is called."""
        return (self.name,)

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section as an evenly sensitive detector would have seen it."""
        from seechange_core.imaging.detrending.response import divided

        response = fitting(calibrations[self.name], section)
        data, dead = divided(section.data, response.data, self.params.least_response)
        corrected = with_its_mask(section.replaced(data=data), response)
        if dead is not None:
            corrected = marked(corrected, MaskPlane.BAD, dead)
        return recorded(corrected, self.name, response.product_id)


class Illumination(Flat):
    """Divides by what the sky or stars show the flat field to be wrong by over the detector (median 1)."""

    name: ClassVar[str] = "illumination"
    version: ClassVar[str] = "1.0"

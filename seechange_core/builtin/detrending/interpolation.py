"""Interpolation: defects filled in, so that nothing downstream stumbles over wild values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import ClassVar, Literal

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import marked, mask_of, recorded
from seechange_core.frames import Calibration, MaskPlane, SectionData, unusable
from seechange_core.frames.mask import MASK_DTYPE

_PLANES = {
    "bad": MaskPlane.BAD,
    "cosmic_ray": MaskPlane.COSMIC_RAY,
    "saturated": MaskPlane.SATURATED,
    "bleed": MaskPlane.BLEED,
}


class InterpolationParams(Params):
    """Parameters of `Interpolation`."""

    planes: tuple[Literal["bad", "cosmic_ray", "saturated", "bleed"], ...] = parameter(
        ("bad", "cosmic_ray"), description="Pixels with any of these mask planes are filled in", min_length=1
    )
    reach_pixel: int = parameter(
        8,
        description="Pixels farther than this from a usable one stay as they are",
        unit="pixel",
        ge=1,
        le=100,
    )


class Interpolation(Detrender):
    """Fills in masked pixels from their neighbours and flags them as interpolated; goes last.

    They keep their other flags and stay out of every measurement.
    """

    name: ClassVar[str] = "interpolation"
    version: ClassVar[str] = "1.0"
    for_calibrated: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = InterpolationParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with defects filled in and flagged."""
        from seechange_core.imaging.detrending.interpolation import interpolated

        mask = mask_of(section)
        planes = reduce(or_, (_PLANES[name] for name in self.params.planes))
        wanted = (mask & MASK_DTYPE(planes)) != 0
        data, done = interpolated(section.data, wanted, ~unusable(mask), self.params.reach_pixel)
        return recorded(marked(section.replaced(data=data), MaskPlane.INTERPOLATED, done), self.name)

"""Trails of satellites and aircraft in a single exposure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import marked, mask_of, recorded
from seechange_core.frames import Calibration, MaskPlane, SectionData


class TrailsParams(Params):
    """Parameters of `Trails`."""

    threshold: float = parameter(
        6.0,
        description="Least sum along a line to look closer, in units of the scatter of such sums",
        unit="sigma",
        gt=0,
    )
    min_length_pixel: float = parameter(
        240.0, description="Trails are at least as long", unit="pixel", ge=100, le=10000
    )
    margin_pixel: float = parameter(
        2.0, description="To mask beyond where the light ends", unit="pixel", ge=0, le=100
    )
    most_lines: int = parameter(12, description="Lines to look at, at most", ge=1, le=100)


class Trails(Detrender):
    """Masks trails along their whole length, as wide as their light; goes after all that masks, before ``noise``."""

    name: ClassVar[str] = "trails"
    version: ClassVar[str] = "1.1"
    for_calibrated: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = TrailsParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with trails masked; their pixels stay as they are."""
        from seechange_core.imaging.detrending.trails import find_trails

        where, _ = find_trails(
            section.data,
            mask_of(section),
            threshold=self.params.threshold,
            shortest=self.params.min_length_pixel,
            margin=self.params.margin_pixel,
            most=self.params.most_lines,
        )
        return recorded(marked(section, MaskPlane.TRAIL, where), self.name)

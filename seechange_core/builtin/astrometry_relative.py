"""Astrometry relative to one exposure, where neither a WCS nor a catalogue is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from seechange_core.api import Params, parameter
from seechange_core.builtin.astrometry_stars import StarsAstrometry, StarsAstrometryParams
from seechange_core.frames import Frame, SkyMapping, SourceTable, StarTable


class RelativeAstrometryParams(StarsAstrometryParams):
    """What all is relative to, and what is trusted."""

    frame: str = parameter(
        description="Name of the file of the exposure that all others are registered to; it is processed first",
        min_length=1,
    )
    max_degree: int = parameter(
        1,
        description="Highest degree of the correction that is fitted: shifts leave a part of an image without shared"
        " stars, where a higher one would run away",
        ge=1,
        le=5,
    )


class RelativeAstrometry(StarsAstrometry):
    """Registers an image to one exposure by the pattern of their stars.

    Positions follow the pointing and pixel scale in that exposure's header, whatever their errors, and say so:
    ``relative_to`` of the mapping names it.
    """

    name: ClassVar[str] = "relative"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = RelativeAstrometryParams
    needs_catalog: ClassVar[bool] = False

    @property
    def frame(self) -> str:
        """Name of the exposure's file."""
        return str(self.params.frame)

    def solve(
        self, image: Frame, sources: SourceTable, first: SkyMapping | None, stars: StarTable | None
    ) -> tuple[SkyMapping, dict[str, Any]]:
        """Return the mapping and metrics, those of `StarsAstrometry` and ``relative_to``."""
        mapping, metrics = super().solve(image, sources, first, stars)
        return replace(mapping, relative_to=self.frame), {**metrics, "relative_to": self.frame}

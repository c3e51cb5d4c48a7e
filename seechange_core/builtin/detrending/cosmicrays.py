"""Cosmic rays in a single exposure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import marked, mask_of, recorded
from seechange_core.errors import PluginError
from seechange_core.frames import Calibration, MaskPlane, SectionData


class CosmicRaysParams(Params):
    """Parameters of `CosmicRays`."""

    threshold: float = parameter(
        5.0, description="By how much a pixel must be too bright for what lies beside it", unit="sigma", gt=0
    )
    sharpest_fwhm_pixel: float = parameter(
        2.5,
        description="Full width of the sharpest stars that the camera can make; what is sharper is a cosmic ray",
        unit="pixel",
        ge=1.2,
        le=10,
    )
    skirt_threshold: float = parameter(
        1.0,
        description="Neighbours of hit pixels are masked if they exceed the sky by this",
        unit="sigma",
        ge=0,
    )


class CosmicRays(Detrender):
    """Masks light that is sharper than any star; goes after ``gain``, before ``noise``."""

    name: ClassVar[str] = "cosmicrays"
    version: ClassVar[str] = "1.2"
    for_calibrated: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = CosmicRaysParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with hit pixels masked; their values stay."""
        from seechange_core.imaging.detrending.cosmic_rays import find_cosmic_rays

        if section.unit != "electron":
            raise PluginError("preprocessing.use: cosmicrays needs electrons; name gain before it")
        hit = find_cosmic_rays(
            section.data,
            mask_of(section),
            threshold=self.params.threshold,
            sharpest_fwhm=self.params.sharpest_fwhm_pixel,
            skirt_threshold=self.params.skirt_threshold,
        )
        return recorded(marked(section, MaskPlane.COSMIC_RAY, hit), self.name)

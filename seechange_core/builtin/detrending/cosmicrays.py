"""Cosmic rays in a single exposure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import marked, mask_of, recorded
from seechange_core.frames import Calibration, MaskPlane, SectionData, unusable


class CosmicRaysParams(Params):
    """Parameters of `CosmicRays`."""

    threshold: float = parameter(5.0, description="Of the Laplacian", unit="sigma", gt=0)
    contrast: float = parameter(
        5.0,
        description="Least ratio of the Laplacian to the fine structure; lower finds more, stars too",
        gt=0,
    )
    neighbour_fraction: float = parameter(
        0.3, description="Fraction of the threshold that is enough beside a hit pixel", gt=0, le=1
    )
    iterations: int = parameter(3, description="Rounds at most", ge=1, le=10)


class CosmicRays(Detrender):
    """Masks cosmic rays by Laplacian edge detection (van Dokkum 2001); goes after ``gain``, before ``noise``."""

    name: ClassVar[str] = "cosmicrays"
    version: ClassVar[str] = "1.0"
    for_calibrated: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = CosmicRaysParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with hit pixels masked; their values stay."""
        from seechange_core.imaging.cosmic_rays import find_cosmic_rays
        from seechange_core.imaging.noise_model import sky_blocks

        usable = ~unusable(mask_of(section))
        level, scatter = sky_blocks(section.data, usable)
        hit = find_cosmic_rays(
            section.data - level,
            scatter**2,
            usable,
            threshold=self.params.threshold,
            contrast=self.params.contrast,
            neighbour_fraction=self.params.neighbour_fraction,
            iterations=self.params.iterations,
        )
        return recorded(marked(section, MaskPlane.COSMIC_RAY, hit), self.name)

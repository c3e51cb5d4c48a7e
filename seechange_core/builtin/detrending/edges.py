"""Edges: the rim of the detector, where the response is steep and half of each source is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import mask_of, recorded
from seechange_core.frames import Calibration, MaskPlane, SectionData
from seechange_core.frames.mask import MASK_DTYPE


class EdgesParams(Params):
    """Parameters of `Edges`."""

    width_pixel: int = parameter(5, description="Width of the rim", unit="pixel", ge=1, le=500)


class Edges(Detrender):
    """Marks the rim of the detector; its pixels stay in use, a flag tells that a source lies there."""

    name: ClassVar[str] = "edges"
    version: ClassVar[str] = "1.0"
    for_calibrated: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = EdgesParams

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with the rim marked."""
        width = self.params.width_pixel
        mask = mask_of(section).copy()
        for rim in (np.s_[:width], np.s_[-width:], np.s_[:, :width], np.s_[:, -width:]):
            mask[rim] |= MASK_DTYPE(MaskPlane.EDGE)
        return recorded(section.replaced(mask=mask), self.name)

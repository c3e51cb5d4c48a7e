"""Fringes: interference of the sky's emission lines in the thinned silicon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, Params, parameter
from seechange_core.builtin.detrending.marking import fitting, mask_of, recorded
from seechange_core.frames import Calibration, SectionData, unusable


class FringeParams(Params):
    """Parameters of `Fringe`."""

    filters: tuple[str, ...] = parameter(
        ("z", "Y"), description="Filters in which fringes are removed; none means all of them"
    )
    least_significance: float = parameter(
        3.0, description="Weaker fringes are left alone", unit="sigma", ge=0
    )


class Fringe(Detrender):
    """Subtracts the fringe pattern with the amplitude that the sky shows; goes after ``flat`` and all that masks.

    The amplitude and its error go into ``info`` as ``fringe_amplitude`` and ``fringe_amplitude_error``, in electrons
    per unit of the pattern, or ADU before ``gain``.
    """

    name: ClassVar[str] = "fringe"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = FringeParams

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed."""
        return ("fringe",)

    def applies_to(self, section: SectionData) -> bool:
        """Only raw images in filters that have fringes."""
        wanted = self.params.filters
        return super().applies_to(section) and (not wanted or section.info.get("filter") in wanted)

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section without fringes; as it is if none are seen."""
        from seechange_core.imaging.detrending.fringe import fringe_amplitude

        fringes = fitting(calibrations["fringe"], section)
        usable = ~unusable(mask_of(section))
        if fringes.mask is not None:
            usable &= fringes.mask == 0
        amplitude, error = fringe_amplitude(section.data, usable, fringes.data)
        told = {"fringe_amplitude": amplitude, "fringe_amplitude_error": error}
        if not amplitude > self.params.least_significance * error:
            return section
        pattern = np.nan_to_num(fringes.data, nan=0.0, posinf=0.0, neginf=0.0)
        corrected = section.data - pattern * np.float32(amplitude)
        section = section.replaced(data=corrected, info={**section.info, **told})
        return recorded(section, self.name, fringes.product_id)

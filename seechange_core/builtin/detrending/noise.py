"""Noise: the variance of each pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender
from seechange_core.builtin.detrending.marking import fitting, mask_of, recorded
from seechange_core.errors import PluginError
from seechange_core.frames import Calibration, Pixels, SectionData, unusable


class Noise(Detrender):
    """Builds the variance from a model; goes after ``gain``, ``flat`` and all that masks.

    A raw image has the Poisson noise of sky and sources and the read noise of its amplifiers, both as the flat field
    scaled them. An image that came calibrated may have lost its sky: there the scatter between pixels is measured, and
    the Poisson noise of sources added.
    """

    name: ClassVar[str] = "noise"
    version: ClassVar[str] = "1.0"
    for_calibrated: ClassVar[bool] = True

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with its variance (electron^2), which replaces any that came with it."""
        from seechange_core.imaging.noise_model import sky_blocks, source_light

        if section.unit != "electron":
            raise PluginError("preprocessing.use: noise needs electrons; name gain before it")
        usable = ~unusable(mask_of(section))
        level, scatter = sky_blocks(section.data, usable)
        light = source_light(np.where(usable, section.data - level, 0.0).astype(np.float32), scatter)
        if section.calibrated:
            variance = scatter**2 + light
        else:
            response = self._response(section, calibrations)
            variance = (np.maximum(level, 0.0) + light) / response + self._read_noise(
                section
            ) ** 2 / response**2
        return recorded(section.replaced(variance=variance.astype(np.float32)), self.name)

    @staticmethod
    def _response(section: SectionData, calibrations: Mapping[str, Calibration]) -> Pixels:
        """Return what the flat field divided by; 1 where it was not applied."""
        if "flat" not in {name for name, _ in section.applied}:
            return np.ones((1, 1), np.float32)
        flat = fitting(calibrations["flat"], section).data
        return np.where(flat > 0, flat, np.float32(1.0))

    @staticmethod
    def _read_noise(section: SectionData) -> Pixels:
        noise = np.zeros(section.data.shape, np.float32)
        for amplifier in section.amplifiers:
            noise[amplifier.data.slices] = amplifier.read_noise_electron
        return noise

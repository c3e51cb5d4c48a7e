"""Noise: the variance of each pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender
from seechange_core.builtin.detrending.marking import fitting, mask_of, recorded
from seechange_core.errors import PluginError
from seechange_core.frames import Calibration, CalibrationFrame, Pixels, SectionData, unusable


class Noise(Detrender):
    """Builds the variance from a model; goes after ``gain``, ``flat`` and all that masks.

    A raw image has the Poisson noise of sky, sources and dark current, the read noise of its amplifiers, all as the
    flat field scaled them, and the noise of the bias, dark and flat frames that it was corrected with, as far as that
    is known. An image that came calibrated may have lost its sky: there the scatter between pixels is measured, and
    the Poisson noise of sources added.
    """

    name: ClassVar[str] = "noise"
    version: ClassVar[str] = "1.1"
    for_calibrated: ClassVar[bool] = True

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with its variance (electron^2), which replaces any that came with it."""
        from seechange_core.imaging.background.sky_blocks import sky_blocks
        from seechange_core.imaging.detrending import noise_model

        if section.unit != "electron":
            raise PluginError("preprocessing.use: noise needs electrons; name gain before it")
        usable = ~unusable(mask_of(section))
        sky = sky_blocks(section.data, usable)
        if section.calibrated:
            variance = noise_model.measured_variance(section.data, usable, sky)
        else:
            applied = {name for name, _ in section.applied}
            frames: dict[str, CalibrationFrame] = {
                kind: fitting(calibrations[kind], section)
                for kind in ("bias", "dark", "flat", "illumination")
                if kind in applied
            }
            bias, dark = frames.get("bias"), frames.get("dark")
            bias_noise = 0.0 if bias is None else bias.noise
            read_out = noise_model.ReadOutNoise(
                boxes=[amplifier.data for amplifier in section.amplifiers],
                variances=[
                    amplifier.read_noise_electron**2 + (bias_noise * amplifier.gain) ** 2
                    for amplifier in section.amplifiers
                ],
                dark=None if dark is None else _dark_variance(section, dark),
            )
            flat_noise = frames["flat"].noise if "flat" in frames else 0.0
            variance = noise_model.raw_variance(
                section.data, usable, sky, read_out, _response(frames), flat_noise
            )
        return recorded(section.replaced(variance=variance), self.name)


def _response(frames: Mapping[str, CalibrationFrame]) -> Pixels | None:
    """Return what the pixels were divided by; None for nothing."""
    response = None
    for kind in ("flat", "illumination"):
        if kind in frames:
            data = frames[kind].data
            response = data if response is None else response * data
    return response


def _dark_variance(section: SectionData, dark: CalibrationFrame) -> Pixels:
    """Return the Poisson noise of the dark current and the noise of the dark frame (electron^2)."""
    exposure_s = np.float32(section.info["exposure_s"])
    variance = np.zeros_like(dark.data)
    for amplifier in section.amplifiers:
        box, gain = amplifier.data.slices, np.float32(amplifier.gain)
        charge = np.maximum(dark.data[box], np.float32(0.0)) * (exposure_s * gain)
        variance[box] = charge + np.float32((dark.noise * float(exposure_s) * amplifier.gain) ** 2)
    return variance

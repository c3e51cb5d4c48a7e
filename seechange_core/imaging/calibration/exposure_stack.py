"""Exposures of one section, collected for a calibration frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Amplifier, Floats, MaskPlane, Pixels, SectionData
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.imaging.clipped_combination import StackScaling
from seechange_core.imaging.frame_stack import FrameStack
from seechange_core.imaging.order_statistics import block_medians
from seechange_core.imaging.robust import scatter

#: A pixel with one of these says nothing about the calibration; a bad one still has its value.
_NO_VALUE = MASK_DTYPE(
    MaskPlane.SATURATED | MaskPlane.BLEED | MaskPlane.COSMIC_RAY | MaskPlane.TRAIL | MaskPlane.NO_DATA
)
#: Side of the blocks whose medians tell the shape of an exposure.
BLOCK_PIXELS = 32
_LEVEL_CLIP = 5.0
_LEVEL_PIXELS = 1_000_000
_ROUNDING_VARIANCE_ADU = 1.0 / 12.0


@dataclass(frozen=True)
class ExposureSummary:
    """What is kept in memory of an exposure.

    Parameters
    ----------
    name : str
        For messages.
    levels : array of shape (n_amplifiers,)
        Clipped median of each amplifier, in the unit of the pixels.
    level : float
        Of the whole section.
    blocks : array of shape (my, mx)
        Medians of square blocks.
    exposure_s : float
        Open-shutter time.
    saturated_fraction : float
        Part of the pixels that had no valid value because they were saturated.
    """

    name: str
    levels: Floats
    level: float
    blocks: Pixels
    exposure_s: float
    saturated_fraction: float


class ExposureStack(FrameStack):
    """Context manager: the corrected pixels on disk, summaries in memory.

    Parameters
    ----------
    folder : Path
        Where the scratch file is.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.summaries: list[ExposureSummary] = []
        self.amplifiers: tuple[Amplifier, ...] = ()
        self.unit = ""

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def add(
        self,
        section: SectionData,
        *,
        name: str = "",
        saturated_fraction: float = 0.0,
        hidden: NDArray[np.bool_] | None = None,
        sky: Pixels | None = None,
    ) -> None:
        """Add an exposure.

        Parameters
        ----------
        section : SectionData
            Corrected and assembled.
        name : str
            What a rejection calls it.
        saturated_fraction : float
            Part of its pixels that are saturated.
        hidden : bool array, optional
            Pixels that show something else than what is to be calibrated, such as sources.
        sky : array of the section's shape, optional
            Smooth light that is subtracted; the levels in the summary are those with it.

        Raises
        ------
        ValueError
            If its shape is another one than that of the exposures before.
        """
        pixels = section.data
        gaps = np.zeros(pixels.shape, bool) if hidden is None else hidden.copy()
        if section.mask is not None:
            gaps |= (section.mask & _NO_VALUE) != 0
        if gaps.any():
            pixels = np.where(gaps, np.float32(np.nan), pixels)
        self.append(pixels if sky is None else pixels - sky)
        self.amplifiers, self.unit = section.amplifiers, section.unit
        levels = [clipped_median(pixels[amplifier.data.slices]) for amplifier in section.amplifiers]
        level = levels[0] if len(levels) == 1 else clipped_median(pixels)
        summary = ExposureSummary(
            name or f"exposure {len(self)}",
            np.array(levels),
            level,
            block_medians(pixels, BLOCK_PIXELS),
            float(section.info.get("exposure_s", 0.0)),
            saturated_fraction,
        )
        self.summaries.append(summary)

    def scaling(self, factors: Floats, sky: Floats | None = None) -> StackScaling:
        """Return how multiplying the exposures by factors scales them and their noise.

        Parameters
        ----------
        factors : array of shape (n_exposures, n_amplifiers)
        sky : array of shape (n_exposures,), optional
            Light that was subtracted from the pixels, and is the only one that makes noise; by default what the
            pixels hold does.
        """
        in_electrons = self.unit == "electron"
        gain = np.array([amplifier.gain for amplifier in self.amplifiers])
        read_noise = np.array([amplifier.read_noise_electron for amplifier in self.amplifiers])
        rounding = _ROUNDING_VARIANCE_ADU * gain**2
        electron = np.ones_like(gain) if in_electrons else gain
        constant = ((read_noise**2 + rounding) / electron**2)[None, :] + np.zeros_like(factors)
        slope = (1.0 / electron)[None, :] * np.abs(factors)
        if sky is not None:
            constant = constant + sky[:, None] / electron
            slope = np.zeros_like(factors)
        boxes = [amplifier.data for amplifier in self.amplifiers]
        return StackScaling(boxes, factors, constant * factors**2, slope)

    def names(self, chosen: Sequence[int]) -> list[str]:
        """Return the names of some exposures."""
        return [self.summaries[number].name for number in chosen]


def clipped_median(pixels: Pixels) -> float:
    """Return the median of the finite values within 5 sigma of their median; NaN for none.

    Of many pixels every so many are enough: a million tell the median to a thousandth of their scatter.
    """
    step = max(1, pixels.size // _LEVEL_PIXELS)
    while math.gcd(step, pixels.shape[-1]) > 1:
        step += 1
    values = pixels.ravel()[::step]
    values = values[np.isfinite(values)]
    if not values.size:
        return float("nan")
    middle, sigma = float(np.median(values)), scatter(values[:: max(1, values.size // 100_000)])
    kept = values[np.abs(values - np.float32(middle)) <= _LEVEL_CLIP * sigma]
    return float(np.median(kept)) if kept.size else middle

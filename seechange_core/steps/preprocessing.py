"""From one section as read to a calibrated frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import Detrender, Params, Rejected, parameter
from seechange_core.errors import PluginError
from seechange_core.frames import Frame, MaskPlane, Pixels, SectionData, unusable
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.params import Slot
from seechange_core.steps.step import CalibrationRequest, Request, Step, StepContext, StepResult

#: Planes whose share of the pixels is a metric.
_REPORTED = (MaskPlane.BAD, MaskPlane.SATURATED, MaskPlane.BLEED, MaskPlane.COSMIC_RAY, MaskPlane.NO_DATA)
#: Images with at least so many rows and columns are sampled.
_LARGE = 1024


class PreprocessingParams(Params):
    """Parameters of `Preprocessing`."""

    optional: tuple[str, ...] = parameter(
        (),
        description="Kinds of calibration file that may be missing; the corrections that need them are then left out",
    )


class Preprocessing(Step):
    """Applies the corrections of the profile in order.

    Inputs: ``section`` (`SectionData`), ``calibrations`` (dict of kind to `Calibration`). Output: ``image``
    (`Frame`). A section that came calibrated only has the corrections with ``for_calibrated``.
    """

    process: ClassVar[str] = "preprocessing"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = PreprocessingParams
    slots: ClassVar[tuple[Slot, ...]] = (Slot("calibrator", stage="detrend", many=True),)
    outputs: ClassVar[tuple[str, ...]] = ("image",)

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Ask for the calibration files that the corrections need."""
        kinds: dict[str, None] = {}
        for component in _corrections(inputs["section"], context):
            kinds |= dict.fromkeys(component.calibrations())
        return (CalibrationRequest(tuple(kinds), tuple(params.optional)),)

    def run(self, inputs: dict[str, Any], params: Any, context: StepContext) -> StepResult:
        """Correct the section; what it has no value for is masked and set to 0."""
        from seechange_core.imaging.plane_counts import plane_fractions

        section: SectionData = _without_gaps(inputs.pop("section"))
        calibrations = inputs.pop("calibrations")
        left_out = []
        for component in _corrections(section, context):
            done = len(section.applied)
            if all(kind in calibrations for kind in component.calibrations()):
                section = component.apply(section, calibrations)
            if len(section.applied) == done:
                left_out.append(component.name)
        if section.variance is None or section.unit != "electron":
            raise PluginError(
                "preprocessing.use must name gain and noise: later steps need electrons and a variance"
            )
        image = _frame(_without_gaps(section))
        planes, unusable_fraction = plane_fractions(image.mask)
        metrics = {
            "applied": [name for name, _ in section.applied],
            "calibrations": {name: identity for name, identity in section.applied if identity},
            "left_out": left_out,
            "unusable_fraction": unusable_fraction,
            **{f"{str(plane.name).lower()}_fraction": planes[plane] for plane in _REPORTED},
        }
        if unusable_fraction == 1.0:
            raise Rejected("every pixel of the section is masked", metrics)
        metrics |= _levels(image)
        branch = "calibrated" if section.calibrated else "raw"
        return StepResult({"image": image}, metrics, branch)


def _levels(image: Frame) -> dict[str, float]:
    """Return the median of pixels and noise; of large images from every fourth row and column."""
    step = 4 if min(image.shape) >= _LARGE else 1
    sample = np.s_[::step, ::step]
    usable = ~unusable(image.mask[sample])
    if not usable.any():
        sample = np.s_[::1, ::1]
        usable = ~unusable(image.mask)
    return {
        "median_electron": float(np.median(image.data[sample][usable])),
        "noise_electron": float(np.sqrt(np.median(image.variance[sample][usable]))),
    }


def _corrections(section: SectionData, context: StepContext) -> tuple[Detrender, ...]:
    """Return the corrections that apply to a section."""
    named: tuple[Detrender, ...] = context.components[""]
    return tuple(component for component in named if component.applies_to(section))


def _without_gaps(section: SectionData) -> SectionData:
    """Mask pixels that are not finite, or whose variance is not a positive number, and set them to 0."""
    variance = section.variance
    if _all_finite(section.data) and (variance is None or (_all_finite(variance) and variance.min() > 0)):
        return section
    gaps = ~np.isfinite(section.data)
    if variance is not None:
        gaps |= ~(np.isfinite(variance) & (variance > 0))
        usual = np.median(variance[~gaps]) if not gaps.all() else 1.0
        variance = np.where(gaps, np.float32(usual), variance)
    mask = np.zeros(section.data.shape, MASK_DTYPE) if section.mask is None else section.mask.copy()
    mask[gaps] |= MASK_DTYPE(MaskPlane.NO_DATA)
    return section.replaced(data=np.where(gaps, np.float32(0.0), section.data), variance=variance, mask=mask)


def _all_finite(values: Pixels) -> bool:
    """Tell whether there is neither NaN nor infinity, without an array of answers."""
    return bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def _frame(section: SectionData) -> Frame:
    """Make the frame; what the amplifiers have in common, and what was done, goes into its info and header."""
    amplifiers = section.amplifiers
    told = {
        "gain": float(np.mean([amplifier.gain for amplifier in amplifiers])),
        "read_noise_electron": float(
            np.sqrt(np.mean([amplifier.read_noise_electron**2 for amplifier in amplifiers]))
        ),
        "saturation_electron": float(
            min(amplifier.saturation_adu * amplifier.gain for amplifier in amplifiers)
        ),
        "applied": [list(correction) for correction in section.applied],
    }
    cards = {
        f"APPLY{number:02d}": " ".join(part for part in correction if part)
        for number, correction in enumerate(section.applied, start=1)
    }
    mask = np.zeros(section.data.shape, MASK_DTYPE) if section.mask is None else section.mask
    if section.variance is None:
        raise ValueError("a section without variance cannot become a frame")
    data = section.data
    empty = (mask & MASK_DTYPE(MaskPlane.NO_DATA)) != 0
    if empty.any():
        data = np.where(empty, np.float32(0.0), data)
    return Frame(data, section.variance, mask, {**section.info, **told}, {**section.header, **cards})

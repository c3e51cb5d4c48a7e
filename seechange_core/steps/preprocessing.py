"""From one section as read to a calibrated frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import Detrender, Params, Rejected, parameter
from seechange_core.errors import PluginError
from seechange_core.frames import Frame, MaskPlane, SectionData, unusable
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.params import Slot
from seechange_core.steps.step import CalibrationRequest, Request, Step, StepContext, StepResult


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
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = PreprocessingParams
    slots: ClassVar[tuple[Slot, ...]] = (Slot("calibrator", stage="detrend", many=True),)
    outputs: ClassVar[tuple[str, ...]] = ("image",)

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Ask for the calibration files that the corrections need."""
        kinds: dict[str, None] = {}
        for component in _corrections(inputs["section"], context):
            kinds |= dict.fromkeys(component.calibrations())
        return (CalibrationRequest(tuple(kinds), tuple(params.optional)),)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Correct the section; what it has no value for is masked and set to 0."""
        section: SectionData = _without_gaps(inputs["section"])
        calibrations = inputs["calibrations"]
        left_out = []
        for component in _corrections(section, context):
            if all(kind in calibrations for kind in component.calibrations()):
                section = component.apply(section, calibrations)
            else:
                left_out.append(component.name)
        if section.variance is None or section.unit != "electron":
            raise PluginError(
                "preprocessing.use must name gain and noise: later steps need electrons and a variance"
            )
        image = _frame(_without_gaps(section))
        hidden = unusable(image.mask)
        metrics = {
            "applied": [name for name, _ in section.applied],
            "left_out": left_out,
            "unusable_fraction": float(hidden.mean()),
            **_plane_fractions(image),
        }
        if hidden.all():
            raise Rejected("every pixel of the section is masked", metrics)
        metrics["median_electron"] = float(np.median(image.data[~hidden]))
        metrics["noise_electron"] = float(np.sqrt(np.median(image.variance[~hidden])))
        branch = "calibrated" if section.calibrated else "raw"
        return StepResult({"image": image}, metrics, branch)


def _corrections(section: SectionData, context: StepContext) -> tuple[Detrender, ...]:
    """Return the corrections that apply to a section."""
    named: tuple[Detrender, ...] = context.components[""]
    return tuple(component for component in named if component.applies_to(section))


def _without_gaps(section: SectionData) -> SectionData:
    """Mask pixels that are not finite, or whose variance is not a positive number, and set them to 0."""
    gaps = ~np.isfinite(section.data)
    variance = section.variance
    if variance is not None:
        gaps |= ~(np.isfinite(variance) & (variance > 0))
        usual = np.median(variance[~gaps]) if not gaps.all() else 1.0
        variance = np.where(gaps, np.float32(usual), variance)
    if not gaps.any():
        return section
    mask = np.zeros(section.data.shape, MASK_DTYPE) if section.mask is None else section.mask.copy()
    mask[gaps] |= MASK_DTYPE(MaskPlane.NO_DATA)
    return section.replaced(data=np.where(gaps, np.float32(0.0), section.data), variance=variance, mask=mask)


def _frame(section: SectionData) -> Frame:
    """Make the frame; what the amplifiers have in common goes into its info."""
    amplifiers = section.amplifiers
    measured = {
        "gain": float(np.mean([amplifier.gain for amplifier in amplifiers])),
        "read_noise_electron": float(
            np.sqrt(np.mean([amplifier.read_noise_electron**2 for amplifier in amplifiers]))
        ),
        "saturation_electron": float(
            min(amplifier.saturation_adu * amplifier.gain for amplifier in amplifiers)
        ),
    }
    mask = np.zeros(section.data.shape, MASK_DTYPE) if section.mask is None else section.mask
    if section.variance is None:
        raise ValueError("a section without variance cannot become a frame")
    data = np.where(mask & MASK_DTYPE(MaskPlane.NO_DATA), np.float32(0.0), section.data)
    return Frame(data, section.variance, mask, {**section.info, **measured}, section.header)


def _plane_fractions(image: Frame) -> dict[str, float]:
    planes = (MaskPlane.BAD, MaskPlane.SATURATED, MaskPlane.COSMIC_RAY, MaskPlane.NO_DATA)
    return {
        f"{str(plane.name).lower()}_fraction": float(((image.mask & MASK_DTYPE(plane)) != 0).mean())
        for plane in planes
    }

"""Exposures of one section into a calibration frame: bias, dark, flat, sky flat, fringe, illumination."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Amplifier, CalibrationFrame, Floats, MaskPlane, Pixels, SectionData
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.imaging.calibration.exposure_stack import BLOCK_PIXELS, ExposureStack
from seechange_core.imaging.calibration.fringe_pattern import fringe_pattern
from seechange_core.imaging.calibration.local_level import local_level
from seechange_core.imaging.calibration.odd_frames import odd_levels, odd_noise, odd_shapes
from seechange_core.imaging.calibration.smooth_response import smooth_response
from seechange_core.imaging.clipped_combination import (
    CombinedStack,
    StackScaling,
    combine_stack,
    noise_in_scaling,
)

#: A bias pixel is bad if it lies this far (ADU) off its surroundings, a flat pixel if this fraction.
_BIAS_TOLERANCE_ADU = 50.0
_FLAT_TOLERANCE = 0.3
_MOST_SATURATED = 0.01
_FAINTEST_ELECTRON = 500.0
#: Least difference of shape that makes an exposure odd: of the read noise, and of the level.
_SHAPE_OF_READ_NOISE, _SHAPE_OF_SCREEN, _SHAPE_OF_SKY = 0.5, 0.01, 0.05


@dataclass(frozen=True)
class MadeCalibration:
    """A calibration frame and how it came about.

    Parameters
    ----------
    frame : CalibrationFrame
        The result.
    rejected : dict of str to str
        Why an exposure was left out, by its name.
    metrics : dict
        ``n_combined``, ``level``, ``noise`` and ``noise_expected`` of a pixel, ``noise_ratio`` (of single exposures to
        what the camera's read noise and gain let expect), ``clipped_fraction``, ``bad_fraction``.
    """

    frame: CalibrationFrame
    rejected: dict[str, str]
    metrics: dict[str, Any]


def make_calibration(
    kind: str, exposures: ExposureStack, product_id: str, *, fewest: int = 1, per_amplifier: bool = False
) -> MadeCalibration:
    """Combine exposures of one section into a calibration frame.

    Parameters
    ----------
    kind : {"bias", "dark", "flat", "skyflat", "fringe", "illumination"}
        A sky flat becomes a frame of kind ``flat``.
    exposures : ExposureStack
        Corrected for everything that comes before: bias of the overscan level, darks also of the bias, flats also of
        the dark current and in electrons, so that the ratio of the amplifiers' gains stays out of the response;
        exposures for fringe and illumination are flat-fielded, and with sky flats have their sources hidden.
    product_id : str
        Of the result.
    fewest : int
        So many exposures at least must be left.
    per_amplifier : bool
        Scale the amplifiers of flats one by one, for cameras whose gains drift between exposures.

    Returns
    -------
    MadeCalibration
        Clipped mean, weighted by inverse variance. Bias: ADU; dark: ADU per second; flat and illumination: median 1;
        fringe: mean 0, amplitude 1. The mask marks as ``BAD`` what has no value or lies far off its surroundings.

    Raises
    ------
    ValueError
        If the kind is unknown or too few exposures are left; names those that were rejected.
    """
    if kind not in _RECIPES:
        raise ValueError(
            f"cannot combine calibration frames of kind {kind!r}; known are {', '.join(_RECIPES)}"
        )
    if not len(exposures):
        raise ValueError(f"no exposures to make a {kind} from")
    return _RECIPES[kind](kind, exposures, product_id, fewest, per_amplifier)


def combine_calibration(kind: str, sections: Iterable[SectionData], product_id: str) -> CalibrationFrame:
    """Combine corrected exposures that are in memory; see `make_calibration`.

    Raises
    ------
    ValueError
        As `make_calibration`, or if the exposures differ in shape.
    """
    with tempfile.TemporaryDirectory() as folder, ExposureStack(Path(folder)) as exposures:
        for section in sections:
            exposures.add(section)
        return make_calibration(kind, exposures, product_id).frame


def _bias(
    kind: str, exposures: ExposureStack, product_id: str, fewest: int, per_amplifier: bool
) -> MadeCalibration:
    summaries = exposures.summaries
    read_noise = _read_noise_adu(exposures.amplifiers)
    blocks = np.stack([summary.blocks for summary in summaries])
    scaling = exposures.scaling(np.ones((len(exposures), len(exposures.amplifiers))))
    rejected = (
        odd_noise(noise_in_scaling(exposures, range(len(exposures)), scaling))
        | odd_shapes(blocks, _SHAPE_OF_READ_NOISE * read_noise, "ADU")
        | odd_levels([summary.level for summary in summaries], read_noise, "ADU")
    )
    combined, used = _combined(kind, exposures, scaling, rejected, fewest)
    bad = np.abs(combined.data - local_level(combined.data, exposures.amplifiers)) > _BIAS_TOLERANCE_ADU
    level = float(np.median([summaries[number].level for number in used]))
    return _made("bias", exposures, product_id, combined, bad, 0.0, used, rejected, level=level)


def _dark(
    kind: str, exposures: ExposureStack, product_id: str, fewest: int, per_amplifier: bool
) -> MadeCalibration:
    times = np.array([summary.exposure_s for summary in exposures.summaries])
    rejected = {int(number): "its exposure time is 0" for number in np.nonzero(times <= 0)[0]}
    factors = np.repeat((1.0 / np.where(times > 0, times, 1.0))[:, None], len(exposures.amplifiers), axis=1)
    scaling = exposures.scaling(factors)
    valid = [number for number in range(len(exposures)) if number not in rejected]
    if valid:
        # Short exposures tell their current with less precision.
        tolerance = _read_noise_adu(exposures.amplifiers) / float(np.min(times[valid]))
        noise = noise_in_scaling(exposures, valid, scaling.rows(valid))
        blocks = np.stack([exposures.summaries[number].blocks * factors[number, 0] for number in valid])
        levels = [exposures.summaries[number].level * factors[number, 0] for number in valid]
        found = odd_noise(noise) | odd_shapes(blocks, _SHAPE_OF_READ_NOISE * tolerance, "ADU/s")
        found |= odd_levels(levels, tolerance, "ADU/s")
        rejected |= {valid[number]: reason for number, reason in found.items()}
    combined, used = _combined(kind, exposures, scaling, rejected, fewest)
    bad = np.zeros(combined.data.shape, bool)
    level = float(np.nanmedian(combined.data))
    return _made("dark", exposures, product_id, combined, bad, 0.0, used, rejected, level=level)


def _flat(
    kind: str, exposures: ExposureStack, product_id: str, fewest: int, per_amplifier: bool
) -> MadeCalibration:
    combined, used, rejected = _evenly_lit(kind, exposures, fewest, per_amplifier)
    surroundings = local_level(combined.data, exposures.amplifiers)
    bad = np.abs(combined.data - surroundings) > _FLAT_TOLERANCE * surroundings
    level = float(np.median([exposures.summaries[number].level for number in used]))
    return _made("flat", exposures, product_id, combined, bad, 1.0, used, rejected, level=level)


def _illumination(
    kind: str, exposures: ExposureStack, product_id: str, fewest: int, per_amplifier: bool
) -> MadeCalibration:
    combined, used, rejected = _evenly_lit(kind, exposures, fewest, per_amplifier)
    smooth = smooth_response(combined.data)
    level = float(np.median([exposures.summaries[number].level for number in used]))
    bad = np.zeros(smooth.shape, bool)
    made = _made("illumination", exposures, product_id, combined, bad, 1.0, used, rejected, level=level)
    spread = float(np.percentile(smooth, 99) - np.percentile(smooth, 1))
    frame = CalibrationFrame("illumination", smooth, product_id, None)
    return MadeCalibration(frame, made.rejected, {**made.metrics, "range_98_percent": spread})


def _fringe(
    kind: str, exposures: ExposureStack, product_id: str, fewest: int, per_amplifier: bool
) -> MadeCalibration:
    skies = np.array([summary.level for summary in exposures.summaries])
    rejected = {int(number): "it has no sky to show fringes" for number in np.nonzero(~(skies > 0))[0]}
    used = _left(kind, exposures, rejected, fewest)
    pattern = fringe_pattern(exposures, used, skies)
    bad = np.zeros(pattern.combined.data.shape, bool)
    level = float(np.median(skies[used]))
    made = _made("fringe", exposures, product_id, pattern.combined, bad, 0.0, used, rejected, level=level)
    amplitudes = {"amplitude": float(np.median(pattern.amplitudes)), "amplitude_unit": exposures.unit}
    return MadeCalibration(made.frame, made.rejected, {**made.metrics, **amplitudes})


_Recipe = Callable[[str, ExposureStack, str, int, bool], MadeCalibration]
_RECIPES: Mapping[str, _Recipe] = {
    "bias": _bias,
    "dark": _dark,
    "flat": _flat,
    "skyflat": _flat,
    "fringe": _fringe,
    "illumination": _illumination,
}


def _evenly_lit(
    kind: str, exposures: ExposureStack, fewest: int, per_amplifier: bool
) -> tuple[CombinedStack, list[int], dict[int, str]]:
    """Combine exposures of an evenly lit field, each scaled by its level; the result has median 1."""
    summaries = exposures.summaries
    rejected = _badly_lit(exposures)
    valid = [number for number in range(len(exposures)) if number not in rejected]
    levels = np.array([summary.level for summary in summaries])
    by_amplifier = np.array([summary.levels for summary in summaries])
    usable = np.where(levels > 0, levels, 1.0)
    factors = np.repeat(1.0 / usable[:, None], len(exposures.amplifiers), axis=1)
    if per_amplifier and valid:
        # What amplifiers have on average stays in the flat; only its changes from exposure to exposure go.
        relative = by_amplifier / usable[:, None]
        usual = np.median(relative[valid], axis=0)
        factors *= usual / np.where(relative > 0, relative, usual)
    if valid:
        tolerance = _SHAPE_OF_SCREEN if kind == "flat" else _SHAPE_OF_SKY
        found = odd_shapes(_scaled_blocks(exposures, factors, valid), tolerance, "of its level")
        rejected |= {valid[number]: reason for number, reason in found.items()}
    combined, used = _combined(kind, exposures, exposures.scaling(factors), rejected, fewest)
    middle = float(np.nanmedian(combined.data))
    scaled = CombinedStack(
        combined.data / np.float32(middle),
        combined.noise / middle,
        combined.noise_expected / middle,
        combined.noise_ratio,
        combined.clipped_fraction,
    )
    return scaled, used, rejected


def _scaled_blocks(exposures: ExposureStack, factors: Floats, chosen: Sequence[int]) -> Pixels:
    """Return the blocks of exposures, each multiplied by the factor of the amplifier that its middle lies in."""
    blocks = np.stack([exposures.summaries[number].blocks for number in chosen])
    y, x = (BLOCK_PIXELS * (np.arange(length) + 0.5) for length in blocks.shape[1:])
    for number, amplifier in enumerate(exposures.amplifiers):
        box = amplifier.data
        inside = ((y >= box.y0) & (y < box.y1))[:, None] & ((x >= box.x0) & (x < box.x1))[None, :]
        blocks[:, inside] *= factors[list(chosen), number, None].astype(np.float32)
    return blocks


def _badly_lit(exposures: ExposureStack) -> dict[int, str]:
    rejected = {}
    gain = float(np.mean([amplifier.gain for amplifier in exposures.amplifiers]))
    unit = 1.0 if exposures.unit == "electron" else gain
    for number, summary in enumerate(exposures.summaries):
        if summary.saturated_fraction > _MOST_SATURATED:
            rejected[number] = f"{summary.saturated_fraction:.1%} of its pixels are saturated"
        elif not summary.level * unit > _FAINTEST_ELECTRON:
            rejected[number] = (
                f"its level of {summary.level * unit:.0f} electrons is below {_FAINTEST_ELECTRON:.0f}"
            )
    return rejected


def _read_noise_adu(amplifiers: Sequence[Amplifier]) -> float:
    return float(np.mean([amplifier.read_noise_electron / amplifier.gain for amplifier in amplifiers]))


def _left(kind: str, exposures: ExposureStack, rejected: Mapping[int, str], fewest: int) -> list[int]:
    used = [number for number in range(len(exposures)) if number not in rejected]
    if len(used) < max(fewest, 1):
        reasons = [f"{exposures.summaries[number].name}: {reason}" for number, reason in rejected.items()]
        raise ValueError(
            "; ".join([f"{len(used)} exposures are left for a {kind}, {fewest} needed", *reasons])
        )
    return used


def _combined(
    kind: str, exposures: ExposureStack, scaling: StackScaling, rejected: Mapping[int, str], fewest: int
) -> tuple[CombinedStack, list[int]]:
    used = _left(kind, exposures, rejected, fewest)
    return combine_stack(exposures, used, scaling), used


def _made(
    kind: str,
    exposures: ExposureStack,
    product_id: str,
    combined: CombinedStack,
    bad: NDArray[np.bool_],
    neutral: float,
    used: Sequence[int],
    rejected: Mapping[int, str],
    *,
    level: float,
) -> MadeCalibration:
    unknown = ~np.isfinite(combined.data)
    mask = np.where(bad | unknown, MASK_DTYPE(MaskPlane.BAD), MASK_DTYPE(0))
    data = np.where(unknown, np.float32(neutral), combined.data)
    noise: Any = combined.noise
    metrics = {
        "n_combined": len(used),
        "level": level,
        "level_unit": "ADU/s" if kind == "dark" else {"adu": "ADU"}.get(exposures.unit, exposures.unit),
        "noise": noise,
        "noise_expected": combined.noise_expected,
        "noise_ratio": combined.noise_ratio,
        "clipped_fraction": combined.clipped_fraction,
        "bad_fraction": float((mask != 0).mean()),
    }
    frame = CalibrationFrame(kind, data, product_id, mask, float(np.nan_to_num(noise)))
    names = {exposures.summaries[number].name: reason for number, reason in sorted(rejected.items())}
    return MadeCalibration(frame, names, metrics)

"""A CCD with its faults: what becomes of the light on its way to raw numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Amplifier, Floats

_ADC_MAXIMUM = 65535
#: Charge is cut off this far above the level that the camera declares as saturation (ADU).
_ABOVE_SATURATION_ADU = 1500.0
_DRIFT_ADU = 1.5
_ROUNDING_VARIANCE_ADU = 1.0 / 12.0


@dataclass(frozen=True)
class Detector:
    """The lasting properties of one CCD.

    Parameters
    ----------
    amplifiers : tuple of Amplifier
        Boxes in the raw array, flips, true gain and read noise.
    raw_shape, shape : tuple of int
        Rows and columns with and without overscan.
    bias_level_adu : tuple of float
        By amplifier.
    bias_structure_adu : array of `shape`
        Pattern of the bias on the assembled image, hot columns included.
    response : array of `shape`
        Relative sensitivity: vignetting, pixel to pixel variation, dead columns; median 1.
    bad_columns : tuple of int
        Of the assembled image, hot or dead.
    """

    amplifiers: tuple[Amplifier, ...]
    raw_shape: tuple[int, int]
    shape: tuple[int, int]
    bias_level_adu: tuple[float, ...]
    bias_structure_adu: Floats
    response: Floats
    bad_columns: tuple[int, ...]


def random_detector(
    rng: np.random.Generator,
    amplifiers: Sequence[Amplifier],
    raw_shape: tuple[int, int],
    shape: tuple[int, int],
    bad_columns: Sequence[int] = (),
) -> Detector:
    """Draw the lasting properties of a CCD; of its bad columns every other one is hot, the rest is dead.

    The response falls by a tenth from the middle to the corners and varies by 1 % from pixel to pixel.
    """
    ny, nx = shape
    v, u = np.meshgrid(np.linspace(-1, 1, ny), np.linspace(-1, 1, nx), indexing="ij")
    response = (1.0 - 0.05 * (u * u + v * v)) * (1.0 + 0.01 * rng.standard_normal(shape))
    structure = 1.5 * rng.standard_normal(nx)[None, :] + 4.0 * np.exp(-(v + 1.0) * 20.0)
    for number, column in enumerate(bad_columns):
        if number % 2:
            response[:, column] *= 0.1
        else:
            structure[:, column] += 400.0
    levels = tuple(float(level) for level in rng.uniform(900.0, 1500.0, len(amplifiers)))
    response /= np.median(response)
    return Detector(
        tuple(amplifiers), raw_shape, shape, levels, structure, response, tuple(int(c) for c in bad_columns)
    )


def read_out(
    rng: np.random.Generator, detector: Detector, charge: Floats, level_offset_adu: float = 0.0
) -> NDArray[np.uint16]:
    """Turn charge into raw numbers: what `analogue` returns, rounded.

    Returns
    -------
    array of `Detector.raw_shape`, uint16
    """
    raw = analogue(rng, detector, charge, level_offset_adu)
    return np.clip(np.rint(raw), 0, _ADC_MAXIMUM).astype(np.uint16)


def analogue(
    rng: np.random.Generator,
    detector: Detector,
    charge: Floats,
    level_offset_adu: float = 0.0,
    response: Callable[[Floats], Floats] | None = None,
) -> NDArray[np.float32]:
    """Turn charge into signals before the converter: gain, saturation, bias with drift along the rows, read noise.

    Parameters
    ----------
    rng : numpy.random.Generator
    detector : Detector
    charge : array of `Detector.shape`
        Electrons in the pixels, photon noise included.
    level_offset_adu : float
        Change of the bias level since the last exposure, the same in all amplifiers.
    response : callable, optional
        Measured from true signal above bias (ADU); straight if left out.

    Returns
    -------
    array of `Detector.raw_shape`, float32
        ADU. The amplifiers' read noise is meant as it is measured, so the noise of rounding is taken off here.
    """
    raw = np.zeros(detector.raw_shape, dtype=np.float32)
    rows = np.arange(detector.raw_shape[0])
    for amplifier, level in zip(detector.amplifiers, detector.bias_level_adu, strict=True):
        drift = _DRIFT_ADU * np.sin(2.0 * np.pi * (rows / len(rows) + rng.random()))
        base = (level + level_offset_adu + drift)[:, None]
        measured = (amplifier.read_noise_electron / amplifier.gain) ** 2
        noise_adu = np.sqrt(max(measured - _ROUNDING_VARIANCE_ADU, 0.0))
        light = charge[amplifier.trimmed.slices] / amplifier.gain
        if response is not None:
            light = response(light)
        structure = detector.bias_structure_adu[amplifier.trimmed.slices]
        pixels = np.minimum(light, amplifier.saturation_adu + _ABOVE_SATURATION_ADU - level) + structure
        pixels = pixels[:: -1 if amplifier.flip_y else 1, :: -1 if amplifier.flip_x else 1]
        for box, values in ((amplifier.data, pixels), (amplifier.overscan, 0.0)):
            if box is not None:
                noise = np.float32(noise_adu) * rng.standard_normal(box.shape, dtype=np.float32)
                raw[box.slices] = base[box.y0 : box.y1] + values + noise
    return raw


def cosmic_rays(rng: np.random.Generator, shape: tuple[int, int], number: float) -> Floats:
    """Draw the charge that cosmic rays leave.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        Rows and columns.
    number : float
        Expected; the actual number follows Poisson's law.

    Returns
    -------
    array of shape (ny, nx)
        Electrons. Tracks are straight, 1 to 30 pixels long, with 400 to 4000 electrons a pixel.
    """
    charge = np.zeros(shape)
    for _ in range(rng.poisson(number)):
        length = min(30.0, 1.0 + rng.exponential(6.0))
        angle = rng.uniform(0.0, np.pi)
        density = 10.0 ** rng.uniform(2.6, 3.6)
        start = rng.uniform((0, 0), shape)
        steps = np.arange(0.0, length, 0.1)
        y = np.rint(start[0] + steps * np.sin(angle)).astype(int)
        x = np.rint(start[1] + steps * np.cos(angle)).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
        np.add.at(charge, (y[inside], x[inside]), 0.1 * density)
    return charge

"""A small CCD of two amplifiers for tests of corrections, with DECam's constants and order of reading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Amplifier, Box, SectionData
from seechange_core.simulation.detector import Detector

ROWS, COLUMNS, OVERSCAN = 512, 512, 50
RAW_SHAPE = (ROWS, COLUMNS + 2 * OVERSCAN)
SHAPE = (ROWS, COLUMNS)
GAINS, READ_NOISE = (4.0, 4.2), (7.0, 6.5)


def amplifiers(saturation_adu: float = 60000.0) -> tuple[Amplifier, ...]:
    """Return two halves read towards the outer sides, where their overscan lies."""
    half = COLUMNS // 2
    return tuple(
        Amplifier(
            "AB"[number],
            Box(0, ROWS, OVERSCAN + number * half, OVERSCAN + (number + 1) * half),
            Box(0, ROWS, number * half, (number + 1) * half),
            Box(0, ROWS, number * (OVERSCAN + COLUMNS), number * (OVERSCAN + COLUMNS) + OVERSCAN),
            GAINS[number],
            READ_NOISE[number],
            saturation_adu,
            reversed_x=number == 1,
        )
        for number in range(2)
    )


def detector(
    response: NDArray[np.float64] | None = None,
    structure_adu: NDArray[np.float64] | None = None,
    saturation_adu: float = 60000.0,
) -> Detector:
    """Return a CCD without defects; even and without bias structure if not told otherwise."""
    return Detector(
        amplifiers(saturation_adu),
        RAW_SHAPE,
        SHAPE,
        (1200.0, 1900.0),
        np.zeros(SHAPE) if structure_adu is None else structure_adu,
        np.ones(SHAPE) if response is None else response,
        (),
    )


def section(raw: NDArray[np.uint16], made_by: Detector, name: str = "1", **info: object) -> SectionData:
    """Return raw pixels as an instrument hands them over."""
    told = {"section": name, "exposure_s": 90.0, "filter": "z", **info}
    return SectionData(raw.astype(np.float32), "adu", made_by.amplifiers, told)


def starlight(
    rng: np.random.Generator,
    number: int,
    brightest: float = 1e6,
    fwhm: float = 4.0,
    shape: tuple[int, int] = SHAPE,
) -> NDArray[np.float64]:
    """Return the electrons of Moffat stars at random places, with a power-law distribution of fluxes from 300 up."""
    half, beta = 40, 3.5
    offset = np.arange(-half, half + 1)
    width = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)
    profile = (1 + (offset[:, None] ** 2 + offset[None, :] ** 2) / width**2) ** -beta
    profile /= profile.sum()
    light = np.zeros((shape[0] + 2 * half, shape[1] + 2 * half))
    flux = np.minimum(300.0 * rng.pareto(0.7, number) + 300.0, brightest)
    for y, x, electrons in zip(
        rng.integers(0, shape[0], number), rng.integers(0, shape[1], number), flux, strict=True
    ):
        light[y : y + 2 * half + 1, x : x + 2 * half + 1] += electrons * profile
    return light[half:-half, half:-half]

"""Seconds that preprocessing takes for one simulated raw CCD of DECam's geometry, correction by correction.

    python benchmarks/preprocessing.py [--stars 4000] [--repeat 5] [--all]

CPU seconds of this process with one thread, best of several runs after one that compiles. The raw array has
4146 x 2160 pixels of two amplifiers with overscan, with noise, stars, saturated ones among them, hot and dead columns.
With ``--all`` crosstalk (within the CCD), linearity, dark, illumination, fringe, gain matching and interpolation are
timed as well.
"""

from __future__ import annotations

import argparse
import resource
from functools import partial

import numpy as np
from timing import best

from seechange_core.api import Detrender
from seechange_core.builtin.detrending import (
    Bias,
    Crosstalk,
    Dark,
    Edges,
    Flat,
    Fringe,
    Gain,
    GainMatch,
    Illumination,
    Interpolation,
    Linearity,
    Noise,
    Overscan,
    Saturation,
)
from seechange_core.frames import (
    Amplifier,
    Box,
    Calibration,
    CalibrationFrame,
    CalibrationTable,
    ColumnTable,
    SectionData,
)
from seechange_core.simulation.detector import Detector, random_detector, read_out
from seechange_core.steps.preprocessing import Preprocessing, PreprocessingParams
from seechange_core.steps.step import StepContext

ROWS, COLUMNS, OVERSCAN, MARGIN = 4096, 2048, 50, 6
SKY, FWHM, BETA, HALF = 400.0, 4.0, 3.5, 40


def amplifiers() -> tuple[Amplifier, ...]:
    """Two halves with the overscan at the outer sides, as DECam's raw arrays have them."""
    half, side = COLUMNS // 2, OVERSCAN + MARGIN
    boxes = ((side, MARGIN), (side + half, side + COLUMNS))
    return tuple(
        Amplifier(
            "AB"[number],
            Box(0, ROWS, start, start + half),
            Box(0, ROWS, number * half, (number + 1) * half),
            Box(0, ROWS, overscan, overscan + OVERSCAN),
            (4.0, 4.2)[number],
            7.0,
            44000.0,
            reversed_x=number == 1,
        )
        for number, (start, overscan) in enumerate(boxes)
    )


def starlight(n_stars: int) -> np.ndarray:
    """Electrons of Moffat stars with a power-law distribution of fluxes."""
    random = np.random.default_rng(1)
    offset = np.arange(-HALF, HALF + 1)
    width = FWHM / 2 / np.sqrt(2 ** (1 / BETA) - 1)
    profile = (1 + (offset[:, None] ** 2 + offset[None, :] ** 2) / width**2) ** -BETA
    profile /= profile.sum()
    light = np.zeros((ROWS + 2 * HALF, COLUMNS + 2 * HALF))
    y, x = random.integers(0, ROWS, n_stars), random.integers(0, COLUMNS, n_stars)
    flux = np.minimum(300.0 * random.pareto(0.7, n_stars) + 300.0, 3e7)
    for j, i, electrons in zip(y, x, flux, strict=True):
        light[j : j + 2 * HALF + 1, i : i + 2 * HALF + 1] += electrons * profile
    return light[HALF:-HALF, HALF:-HALF]


def simulated(n_stars: int) -> tuple[SectionData, dict[str, Calibration], Detector]:
    """Return a raw section and the calibration frames that belong to it."""
    random = np.random.default_rng(2)
    raw_shape = (ROWS + 50, COLUMNS + 2 * (OVERSCAN + MARGIN))
    detector = random_detector(random, amplifiers(), raw_shape, (ROWS, COLUMNS), (300, 1500))
    charge = random.poisson((starlight(n_stars) + SKY) * detector.response).astype(np.float64)
    raw = read_out(random, detector, charge).astype(np.float32)
    info = {"section": "N4", "exposure_s": 90.0, "filter": "z"}
    waves = np.sin(np.arange(COLUMNS) / 40.0)[None, :] * np.sin(np.arange(ROWS) / 60.0)[:, None]
    frames = {
        "bias": detector.bias_structure_adu,
        "dark": np.full((ROWS, COLUMNS), 1e-3),
        "flat": detector.response,
        "illumination": np.ones((ROWS, COLUMNS)),
        "fringe": waves,
    }
    calibrations: dict[str, Calibration] = {
        kind: CalibrationFrame(kind, data.astype(np.float32), f"{kind}-id", noise=1e-3)
        for kind, data in frames.items()
    }
    pairs = {"victim": ["A", "B"], "source_section": ["N4", "N4"], "source": ["B", "A"]}
    strengths = {"linear": [3e-4, 1e-4], "error": [1e-5, 1e-5], "onset_adu": [4e4, 4e4]}
    curves = {"amplifier": ["A", "B"], "coefficients": [[1.0, 1e-7], [1.0, 2e-7]]}
    tables = {
        "crosstalk": ColumnTable({**pairs, **strengths, "polynomial": [[1e-4], [1e-4]]}),
        "linearity": ColumnTable(curves),
    }
    calibrations |= {kind: CalibrationTable(kind, table, f"{kind}-id") for kind, table in tables.items()}
    return SectionData(raw, "adu", detector.amplifiers, info), calibrations, detector


def main() -> None:
    """Print seconds by correction and for the whole step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=4000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    section, calibrations, _ = simulated(options.stars)
    usual: list[Detrender] = [Overscan(), Saturation(), Bias(), Flat(), Gain(), Edges(), Noise()]
    if options.all:
        first, after_bias = (
            [Crosstalk(), Overscan(), Linearity(), Saturation(), Bias()],
            [Dark(), Gain(), Flat()],
        )
        last = [Illumination(), Fringe(), GainMatch(), Edges(), Noise(), Interpolation()]
        usual = [*first, *after_bias, *last]
    print(f"raw array {section.data.shape}, {options.stars} stars; CPU s")
    current = section
    for component in usual:
        seconds = best(partial(component.apply, current, calibrations), options.repeat)
        print(f"{component.name:28s} {seconds:7.3f}")
        current = component.apply(current, calibrations)
    context = StepContext({"": tuple(usual)}, None)
    inputs = {"section": section, "calibrations": calibrations}
    seconds = best(lambda: Preprocessing().run(dict(inputs), PreprocessingParams(), context), options.repeat)
    print(f"{'whole step':28s} {seconds:7.3f}")
    print(
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, simulation included"
    )


if __name__ == "__main__":
    main()

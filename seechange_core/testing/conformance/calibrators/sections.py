"""A CCD on its way from raw pixels to electrons with variance, for tests of corrections."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np

from seechange_core.api import Detrender
from seechange_core.builtin.detrending import Gain, Noise, Overscan
from seechange_core.frames import (
    Calibration,
    CalibrationFrame,
    CalibrationTable,
    ColumnTable,
    MaskPlane,
    Pixels,
    SectionData,
)
from seechange_core.simulation.detector import read_out
from seechange_core.testing.raw_scenes import SHAPE, detector, section, starlight

State = Literal["raw", "trimmed", "electron", "variance"]
#: In the order in which a correction is tried with them.
STATES: tuple[State, ...] = ("electron", "trimmed", "variance", "raw")
#: What has to be done for each.
_BEFORE: dict[State, State] = {"trimmed": "raw", "electron": "trimmed", "variance": "electron"}
SKY_ELECTRON = 400.0
_N_STARS = 150


@cache
def section_in(state: State) -> SectionData:
    """Return the section as it is when corrections up to a state were done: ``"raw"`` (with overscan), ``"trimmed"``.

    ``"raw"`` has overscan, ``"trimmed"`` is assembled (ADU), ``"variance"`` has electrons with variance and mask.
    """
    if state == "raw":
        rng = np.random.default_rng(1)
        charge = rng.poisson(starlight(rng, _N_STARS) + SKY_ELECTRON).astype(np.float64)
        raw = section(read_out(rng, detector(), charge), detector())
        return replace(
            raw, info={**raw.info, "mjd": 61000.0, "pixel_scale_arcsec": 0.26, "instrument": "simulation"}
        )
    corrections: dict[State, Detrender] = {"trimmed": Overscan(), "electron": Gain(), "variance": Noise()}
    return corrections[state].apply(section_in(_BEFORE[state]), {})


def variance_of(given: SectionData) -> Pixels:
    """Return the variance of a section; if it has none, one that its provider may have sent along."""
    if given.variance is not None:
        return given.variance
    return np.full(given.data.shape, np.median(given.data) + 50.0, np.float32)


def masked_section(given: SectionData) -> SectionData:
    """Return a section of which every pixel is masked and has one value."""
    mask = np.full(given.data.shape, int(MaskPlane.BAD), np.uint16)
    return given.replaced(data=np.full_like(given.data, np.median(given.data)), mask=mask)


def known_calibration(kind: str) -> Calibration:
    """Return calibration data of one of the core's kinds, as if from a file.

    Raises
    ------
    KeyError
        If the kind is not known.
    """
    product_id = f"known-{kind}"
    tables: dict[str, dict[str, list[Any]]] = {
        "badpixels": {"x0": [30, 300], "y0": [10, 0], "width": [4, 1], "height": [7, SHAPE[0]]},
        "linearity": {"amplifier": ["A", "B"], "coefficients": [[1.0, 2e-6], [1.0, -1e-6]]},
        "crosstalk": {
            "victim": ["A", "B"],
            "source_section": ["1", "1"],
            "source": ["B", "A"],
            "linear": [3e-4, -5e-4],
            "error": [1e-5, 1e-5],
            "onset_adu": [1e10, 1e10],
            "polynomial": [[0.0], [0.0]],
        },
    }
    if kind in tables:
        columns = {name: np.array(values) for name, values in tables[kind].items()}
        return CalibrationTable(kind, ColumnTable(columns), product_id)
    rng = np.random.default_rng(2)
    response = 1.0 + 0.02 * rng.standard_normal(SHAPE)
    frames = {
        "bias": 2.0 * rng.standard_normal(SHAPE),
        "dark": np.full(SHAPE, 0.01),
        "flat": response / np.median(response),
        "illumination": np.ones(SHAPE),
        "fringe": 5.0 * np.sin(np.arange(SHAPE[1]) / 20.0) * np.ones(SHAPE),
    }
    return CalibrationFrame(kind, frames[kind].astype(np.float32), product_id)

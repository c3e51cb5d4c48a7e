"""Faults of the simulated camera that a survey can switch on, and the calibration files that describe them truly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seechange_core.builtin.simcam_camera import detector_of
from seechange_core.frames import Floats
from seechange_core.simulation.detector import analogue
from seechange_core.simulation.read_out_effects import Ghost, bent, bled, with_crosstalk

#: Measured is true signal s times 1 - _BEND_PER_ADU s: 2.5 per cent at 50000 ADU.
_BEND_PER_ADU = 5e-7
_FULL_WELL_ELECTRON = 110000.0
_KNOT_STEP_ADU = 250.0
_ONSET_ADU = 40000.0
#: Stated in the file of coefficients; those of the camera are exact.
_COEFFICIENT_ERROR = 1e-5
GHOSTS = (
    Ghost(("C1", "B"), ("C1", "A"), -6e-4, _ONSET_ADU, (-4e-4, -2e-8)),
    Ghost(("C1", "A"), ("C1", "B"), 4e-4),
    Ghost(("C1", "A"), ("C2", "B"), 5e-5),
    Ghost(("C2", "B"), ("C2", "A"), 3e-4, _ONSET_ADU, (5e-4, 3e-8)),
    Ghost(("C2", "B"), ("C1", "B"), -4e-5),
)


def faulty_signal(
    rng: np.random.Generator, section: str, charge: Floats, level_offset_adu: float
) -> NDArray[np.float32]:
    """Return the signals of a section (ADU): charge bleeds, and the response is bent."""
    response = partial(bent, bend_per_adu=_BEND_PER_ADU)
    return analogue(rng, detector_of(section), bled(charge, _FULL_WELL_ELECTRON), level_offset_adu, response)


def faulty_numbers(signals: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.uint16]]:
    """Return the raw numbers of sections that were read together: each has ghosts of the others."""
    return with_crosstalk(signals, {section: detector_of(section) for section in signals}, GHOSTS)


def crosstalk_text() -> str:
    """Return the file of crosstalk coefficients that is true of the camera."""
    lines = ["# victim source coefficient error onset_adu p_1 p_2"]
    for ghost in GHOSTS:
        onset = ghost.onset_adu if np.isfinite(ghost.onset_adu) else 1e10
        numbers = (ghost.linear, _COEFFICIENT_ERROR, onset, *ghost.polynomial)
        lines.append(" ".join(["".join(ghost.victim), "".join(ghost.source), *(f"{n:.6e}" for n in numbers)]))
    return "\n".join(lines) + "\n"


def linearity_text() -> str:
    """Return the table of linearity that is true of the camera."""
    true = np.arange(0.0, 62000.0, _KNOT_STEP_ADU)
    names = sorted({"".join(named) for ghost in GHOSTS for named in (ghost.victim, ghost.source)})
    knots = zip(bent(true, _BEND_PER_ADU).tolist(), true.tolist(), strict=True)
    lines = [f"{name},{measured:.4f},{linear:.1f}" for measured, linear in knots for name in names]
    return "\n".join(["amplifier,measured_adu,linear_adu", *lines]) + "\n"

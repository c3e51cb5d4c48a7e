"""What goes wrong between charge and numbers beyond noise: bleeding, a bent response, crosstalk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Amplifier, Floats
from seechange_core.simulation.detector import Detector


@dataclass(frozen=True)
class Ghost:
    """Crosstalk from one amplifier into another.

    Parameters
    ----------
    victim, source : tuple of (str, str)
        Section and amplifier.
    linear : float
        Ghost divided by signal.
    onset_adu : float
        Signal above which the ghost is not proportional any more.
    polynomial : tuple of float
        Of the excess e above the onset: p_1 e + p_2 e^2 + ... instead of linear x e.
    """

    victim: tuple[str, str]
    source: tuple[str, str]
    linear: float
    onset_adu: float = np.inf
    polynomial: tuple[float, ...] = ()


def bled(charge: Floats, full_well_electron: float) -> Floats:
    """Let charge beyond the full well run along the columns, half of it to either side, until there is room for it.

    Parameters
    ----------
    charge : array of shape (ny, nx)
        Electrons as the light made them.
    full_well_electron : float
        What a pixel holds.

    Returns
    -------
    array of the same shape
        Nowhere above the full well; what reaches the end of a column is lost.
    """
    result = np.minimum(charge, full_well_electron)
    excess = charge - result
    for column in np.nonzero(excess.any(axis=0))[0]:
        for step in (1, -1):
            room = full_well_electron - result[::step, column]
            carried = 0.0
            arriving = excess[::step, column] / 2.0
            for row in range(len(room)):
                carried += arriving[row]
                taken = min(carried, room[row])
                result[::step, column][row] += taken
                carried -= taken
    return result


def bent(signal_adu: Floats, bend_per_adu: float) -> Floats:
    """Return what is measured of a true signal above bias: m = s (1 - bend s); invertible up to s = 1 / (2 bend)."""
    return np.asarray(signal_adu * (1.0 - bend_per_adu * signal_adu))


def with_crosstalk(
    raw: Mapping[str, NDArray[np.float32]], detectors: Mapping[str, Detector], ghosts: Sequence[Ghost]
) -> dict[str, NDArray[np.uint16]]:
    """Add to raw sections, read at the same time, the ghosts of each other.

    Parameters
    ----------
    raw : mapping of str to array
        Numbers before rounding, by section.
    detectors : mapping of str to Detector
        By section; their bias levels are what signals are counted from.
    ghosts : sequence of Ghost
        Which amplifiers disturb which.

    Returns
    -------
    dict of str to array, uint16
        Rounded.
    """
    disturbed = {section: pixels.copy() for section, pixels in raw.items()}
    for ghost in ghosts:
        source, level = _amplifier(detectors, ghost.source)
        victim, _ = _amplifier(detectors, ghost.victim)
        signal = _read_order(raw[ghost.source[0]][source.data.slices], source) - np.float32(level)
        excess = np.maximum(signal - ghost.onset_adu, 0.0)
        strength = ghost.linear * np.minimum(signal, ghost.onset_adu)
        for power, coefficient in enumerate(ghost.polynomial, start=1):
            strength = strength + coefficient * excess**power
        _read_order(disturbed[ghost.victim[0]][victim.data.slices], victim)[...] += strength
    return {
        section: np.clip(np.rint(pixels), 0, 65535).astype(np.uint16) for section, pixels in disturbed.items()
    }


def _amplifier(detectors: Mapping[str, Detector], named: tuple[str, str]) -> tuple[Amplifier, float]:
    detector = detectors[named[0]]
    for amplifier, level in zip(detector.amplifiers, detector.bias_level_adu, strict=True):
        if amplifier.name == named[1]:
            return amplifier, level
    raise KeyError(named)


def _read_order(pixels: NDArray[np.float32], amplifier: Amplifier) -> NDArray[np.float32]:
    return pixels[:: -1 if amplifier.reversed_y else 1, :: -1 if amplifier.reversed_x else 1]

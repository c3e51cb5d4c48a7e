"""Ghosts that the signal of one amplifier leaves in another that is read at the same time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Amplifier, Pixels


@dataclass(frozen=True)
class CrosstalkCoefficients:
    """How strong the ghosts of one amplifier in another are.

    Parameters
    ----------
    linear, error : float
        Ghost divided by signal, and its error.
    onset_adu : float
        Signal above which the ghost is not proportional to it any more.
    polynomial : tuple of float
        p_1, p_2 ... of the excess e above the onset: ghost = linear x onset + p_1 e + p_2 e^2 + ...
    """

    linear: float
    error: float
    onset_adu: float = np.inf
    polynomial: tuple[float, ...] = ()


def in_order_of(pixels: NDArray[np.float32], source: Amplifier, victim: Amplifier) -> NDArray[np.float32]:
    """Return a view of a source's pixels so that those read at the same time as a victim's lie at the same place."""
    turn_y = -1 if source.reversed_y != victim.reversed_y else 1
    turn_x = -1 if source.reversed_x != victim.reversed_x else 1
    return pixels[::turn_y, ::turn_x]


def subtract_ghosts(
    victim: Pixels,
    source: Pixels,
    source_level: float,
    coefficients: CrosstalkCoefficients,
    uncertain: NDArray[np.bool_],
    tolerance_adu: float,
) -> None:
    """Subtract from a victim, in place, what a source leaves in it.

    Parameters
    ----------
    victim : array of shape (ny, nx), float32
        View of the pixels to correct (ADU).
    source : array of shape (ny, nx), float32
        Pixels read at the same time, uncorrected (ADU); those that are not finite leave no ghost.
    source_level : float
        Of the source's overscan (ADU).
    coefficients : CrosstalkCoefficients
        Of this pair.
    uncertain : bool array of shape (ny, nx)
        View of a mask, set where the ghost is known to worse than the tolerance.
    tolerance_adu : float
        Error of a ghost, from that of the linear coefficient, up to which it counts as known. Above the onset, where
        no error is known, half of the ghost is taken for it.
    """
    _subtract_ghosts(
        victim,
        source,
        np.float32(source_level),
        np.float32(coefficients.linear),
        np.float32(coefficients.error),
        np.float32(min(coefficients.onset_adu, 1e30)),
        np.array(coefficients.polynomial, np.float64),
        uncertain,
        np.float32(tolerance_adu),
    )


@njit(cache=True)
def _subtract_ghosts(
    victim: Pixels,
    source: Pixels,
    level: np.float32,
    linear: np.float32,
    error: np.float32,
    onset: np.float32,
    polynomial: NDArray[np.float64],
    uncertain: NDArray[np.bool_],
    tolerance: np.float32,
) -> None:
    # Below this signal the error of the ghost is within the tolerance.
    known = min(tolerance / error if error > 0 else np.float32(1e30), onset)
    for y in range(victim.shape[0]):
        for x in range(victim.shape[1]):
            signal = source[y, x] - level
            if signal <= known:
                victim[y, x] -= linear * signal
            elif np.isfinite(signal):
                ghost, ghost_error = linear * signal, error * signal
                if signal > onset:
                    excess = float(signal - onset)
                    above = 0.0
                    for power in range(len(polynomial) - 1, -1, -1):
                        above = (above + polynomial[power]) * excess
                    ghost = np.float32(linear * onset + above)
                    ghost_error = np.float32(0.5) * abs(ghost)
                victim[y, x] -= ghost
                uncertain[y, x] |= ghost_error > tolerance

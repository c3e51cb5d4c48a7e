"""Division by the response of pixels."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Pixels


def divided(data: Pixels, response: Pixels, least: float) -> tuple[Pixels, NDArray[np.bool_] | None]:
    """Divide by a response.

    Parameters
    ----------
    data, response : array of shape (ny, nx), float32
    least : float
        Pixels with a lower response, or none, stay as they are.

    Returns
    -------
    data : array of shape (ny, nx), float32
    dead : bool array of the same shape or None
        Which pixels were not divided; None for none of them.
    """
    quotient, n_dead = _divided(data, response, np.float32(least))
    return quotient, ~(response >= least) if n_dead else None


@njit(cache=True, error_model="numpy")
def _divided(data: Pixels, response: Pixels, least: np.float32) -> tuple[Pixels, int]:
    quotient = np.empty_like(data)
    n_dead = 0
    for y in range(data.shape[0]):
        for x in range(data.shape[1]):
            alive = response[y, x] >= least
            quotient[y, x] = data[y, x] / (response[y, x] if alive else np.float32(1.0))
            n_dead += not alive
    return quotient, n_dead

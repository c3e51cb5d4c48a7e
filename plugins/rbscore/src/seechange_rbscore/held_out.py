"""What is kept from training, to judge by."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import InputError

#: One in so many candidates of each class.
ONE_IN = 4


def held_out_places(real: NDArray[np.bool_], places: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Choose a quarter of the real and of the bogus candidates, of each place all or none.

    Parameters
    ----------
    real, places : array of shape (n,)
        Whether a candidate is real, and which show the same source. A place with any real candidate counts as real.
    seed : int
        Of the choice.

    Returns
    -------
    array of shape (n,)
        Whether a candidate is held out. Places with so many candidates that they would make it more than a quarter are
        not; if all are so, the one with the fewest is.

    Raises
    ------
    InputError
        If the real or the bogus candidates are of fewer than `ONE_IN` places.
    """
    rng = np.random.default_rng(seed)
    numbers, sizes = np.unique(places, return_counts=True)
    has_real = np.isin(numbers, places[real])
    chosen: list[int] = []
    for name, kind in (("real", has_real), ("bogus", ~has_real)):
        own = rng.permutation(np.flatnonzero(kind))
        if len(own) < ONE_IN:
            raise InputError(
                f"the {name} candidates are of {len(own)} objects only; training needs {ONE_IN} at least, better many"
            )
        room = math.ceil(sizes[own].sum() / ONE_IN)
        fitting = []
        for place in own:
            if sizes[place] <= room:
                fitting.append(int(place))
                room -= int(sizes[place])
        chosen += fitting or [int(own[sizes[own].argmin()])]
    return np.isin(places, numbers[chosen])

"""Where transients go: apart from each other, from bright stars and from edges, on the sky or on galaxies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seechange_core.frames import Floats

#: Positions (m, 2) and the distance to keep from them, both in pixels.
Forbidden = Sequence[tuple[Floats, float]]


def uniform_trials(rng: np.random.Generator, shape: tuple[int, int], number: int, margin: float) -> Floats:
    """Return `number` positions (x, y) spread evenly over an image but for a margin (pixel)."""
    ny, nx = shape
    return rng.uniform((margin, margin), (nx - margin, ny - margin), (number, 2))


def host_trials(
    rng: np.random.Generator, shape: tuple[int, int], centres: Floats, radii: Floats, margin: float
) -> Floats:
    """Return positions (x, y) near galaxies, in random order, one a galaxy at most.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        Rows and columns of the image.
    centres : array of shape (m, 2)
        Galaxies that may be hosts (pixel).
    radii : array of shape (m,)
        Twice the typical distance from the centre (pixel).
    margin : float
        To keep from the edges (pixel).
    """
    ny, nx = shape
    order = rng.permutation(len(centres))
    distance = np.abs(rng.normal(0.0, 0.5, len(order))) * radii[order]
    angle = rng.uniform(0.0, 2.0 * np.pi, len(order))
    trials = centres[order] + distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return trials[np.all((trials > margin) & (trials < (nx - margin, ny - margin)), axis=1)]


def choose_apart(
    trials: Floats, number: int, separation: float, placed: Floats, forbidden: Forbidden
) -> Floats:
    """Return the first of some positions that keep all distances.

    Parameters
    ----------
    trials : array of shape (n, 2)
        Positions in the order of preference (pixel).
    number : int
        How many are wanted; fewer are returned where there is no room.
    separation : float
        From each other and from `placed` (pixel).
    placed : array of shape (k, 2)
        What is there already.
    forbidden : sequence of (positions, distance)
        What else to keep from.

    Returns
    -------
    array of shape (m, 2)
    """
    allowed: NDArray[np.bool_] = np.ones(len(trials), dtype=bool)
    for positions, distance in forbidden:
        if len(positions):
            allowed &= cKDTree(positions).query(trials)[0] > distance
    n_placed = n_taken = len(placed)
    taken = np.concatenate([placed, np.empty((number, 2))])
    for trial in trials[allowed]:
        if n_taken == n_placed + number:
            break
        if not n_taken or np.min(np.hypot(*(taken[:n_taken] - trial).T)) > separation:
            taken[n_taken] = trial
            n_taken += 1
    return taken[n_placed:n_taken]

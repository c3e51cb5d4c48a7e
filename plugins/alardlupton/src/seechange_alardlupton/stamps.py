"""Where to compare the two images: bright sources whose surroundings are usable in both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.imaging.cleaned_pair import CleanedPair
from seechange_core.imaging.peaks import local_maxima

_CELLS = 8


def choose_stamps(
    pair: CleanedPair, margin: int, *, min_snr: float, per_cell: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose the brightest sources of each cell of the image.

    Parameters
    ----------
    pair : CleanedPair
        Both images.
    margin : int
        Pixels on each side of a source that must be usable (pixel).
    min_snr : float
        Least height of the peak above the sky, in sigma, in both images.
    per_cell : int
        Most sources in each of 8 by 8 cells.

    Returns
    -------
    x, y : array of shape (n,), int
        Brightest pixels in the reference; no two stamps share a centre within half a margin.
    """
    ny, nx = pair.new.shape
    y, x = local_maxima(np.where(pair.bad, 0, pair.ref), min_snr * pair.ref_noise)
    inside = (x >= margin) & (x < nx - margin) & (y >= margin) & (y < ny - margin)
    y, x = y[inside], x[inside]
    y, x = (index[pair.new[y, x] > min_snr * pair.new_noise] for index in (y, x))
    order = np.argsort(-pair.ref[y, x], kind="stable")
    y, x = y[order], x[order]
    taken = np.zeros((_CELLS, _CELLS), int)
    chosen: list[tuple[int, int]] = []
    for column, row in zip(x.tolist(), y.tolist(), strict=True):
        cell = row * _CELLS // ny, column * _CELLS // nx
        if taken[cell] >= per_cell:
            continue
        if pair.bad[row - margin : row + margin + 1, column - margin : column + margin + 1].any():
            continue
        if any(max(abs(column - a), abs(row - b)) <= margin // 2 for a, b in chosen):
            continue
        taken[cell] += 1
        chosen.append((column, row))
    positions = np.array(chosen, np.intp).reshape(-1, 2)
    return positions[:, 0], positions[:, 1]

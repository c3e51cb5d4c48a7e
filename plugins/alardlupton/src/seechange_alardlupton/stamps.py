"""Where to compare the two images: bright sources whose surroundings are usable in both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Pixels
from seechange_core.imaging.peaks import local_maxima
from seechange_core.imaging.stamps import cut
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair

_CELLS = 8
_MAX_BAD_FRACTION = 0.4


def choose_stamps(
    new: Pixels, ref: Pixels, pair: CleanedPair, half: int, *, min_snr: float, per_cell: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose the brightest sources of each cell of the image.

    Parameters
    ----------
    new, ref : array of shape (ny, nx)
        Both images, without holes.
    pair : CleanedPair
        Where they are from: it knows noise and bad pixels.
    half : int
        Half the side of a stamp (pixel).
    min_snr : float
        Least height of the peak above the sky, in sigma, in both images.
    per_cell : int
        Most sources in each of 8 by 8 cells.

    Returns
    -------
    x, y : array of shape (n,), int
        Brightest pixels in the reference, with a usable core, and most of the stamp usable. No two lie within half a
        stamp of each other.
    """
    ny, nx = new.shape
    y, x = local_maxima(np.where(pair.bad, 0, ref), min_snr * pair.ref_noise)
    y, x = (index[new[y, x] > min_snr * pair.new_noise] for index in (y, x))
    order = np.argsort(-ref[y, x], kind="stable")
    y, x = y[order], x[order]
    core = int(np.ceil(max(pair.new_psf.fwhm, pair.ref_psf.fwhm) / 2))
    corner = (x - half).astype(np.int32), (y - half).astype(np.int32)
    bad = cut(pair.bad, *corner, 2 * half + 1, True)
    middle = slice(half - core, half + core + 1)
    fit = ~bad[:, middle, middle].any(axis=(1, 2)) & (bad.mean(axis=(1, 2)) <= _MAX_BAD_FRACTION)
    y, x = y[fit], x[fit]
    taken = np.zeros((_CELLS, _CELLS), int)
    chosen: list[tuple[int, int]] = []
    for column, row in zip(x.tolist(), y.tolist(), strict=True):
        cell = row * _CELLS // ny, column * _CELLS // nx
        if taken[cell] >= per_cell:
            continue
        if any(max(abs(column - a), abs(row - b)) <= half for a, b in chosen):
            continue
        taken[cell] += 1
        chosen.append((column, row))
    positions = np.array(chosen, np.intp).reshape(-1, 2)
    return positions[:, 0], positions[:, 1]

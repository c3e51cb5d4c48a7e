"""Where one list of points has to be moved so that most of it falls upon another: all differences vote."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numba
import numpy as np

from seechange_core.frames import Floats
from seechange_core.imaging.astrometry.chance_matches import log10_poisson


@dataclass(frozen=True)
class Trial:
    """One way to lay the sources over the stars.

    Parameters
    ----------
    log10_chance : float
        Of the probability that the peak of the votes is as high by chance, in this trial.
    rotation : float
        Radian.
    scale : float
        Factor.
    mirrored : bool
        Whether x is reversed first.
    shift : tuple of float
        In the end (pixel).
    """

    log10_chance: float
    rotation: float
    scale: float
    mirrored: bool
    shift: tuple[float, float]

    def transform(self) -> Floats:
        """Return the affine transform of shape (2, 3)."""
        return np.column_stack([linear_part(self.rotation, self.scale, self.mirrored), self.shift])


def linear_part(rotation: float, scale: float, mirrored: bool) -> Floats:
    """Return the matrix that mirrors, turns and stretches."""
    sine, cosine = scale * math.sin(rotation), scale * math.cos(rotation)
    sign = -1.0 if mirrored else 1.0
    return np.array([[sign * cosine, -sine], [sign * sine, cosine]])


def vote(
    u: Floats,
    v: Floats,
    p: Floats,
    q: Floats,
    reach: float,
    cell: float,
    trials: Iterable[tuple[float, float, bool]],
    n_peaks: int = 1,
) -> list[Trial]:
    """Return the highest peaks of the histograms of differences, the least likely by chance first.

    Parameters
    ----------
    u, v : array of shape (n,)
        Sources (pixel).
    p, q : array of shape (m,)
        Stars (pixel).
    reach : float
        Largest shift along each axis.
    cell : float
        Side of a cell of the histogram; votes are counted in squares of 2 by 2 cells.
    trials : iterable of (rotation, scale, mirrored)
        Applied to the sources first.
    n_peaks : int
        To be returned of each trial.
    """
    found: list[Trial] = []
    stars = np.ascontiguousarray(p), np.ascontiguousarray(q)
    points = np.stack([u, v])
    for rotation, scale, mirrored in trials:
        turned = linear_part(rotation, scale, mirrored) @ points
        turned = turned[:, np.argsort(turned[0], kind="stable")]
        peaks, total, n_cells = _peaks(turned[0], turned[1], *stars, reach, cell, n_peaks)
        expected = 4.0 * total / n_cells
        for count, column, row in peaks:
            shift = ((column + 1) * cell - reach, (row + 1) * cell - reach)
            found.append(Trial(log10_poisson(int(count), expected), rotation, scale, mirrored, shift))
    return sorted(found, key=lambda trial: trial.log10_chance)


@numba.njit(cache=True, nogil=True)
def _peaks(u, v, p, q, reach, cell, n_peaks):  # type: ignore[no-untyped-def]
    """Return (count, column, row) of the highest sums of 2 by 2 cells, all votes, and the number of cells.

    Sources are in the order of u. A star has one vote in a cell, however many sources would give it another: a trail
    falls apart into many sources close to each other, which would outvote all stars of the image.
    """
    side = int(np.ceil(2.0 * reach / cell))
    counts = np.zeros((side + 1, side + 1), np.int32)
    last = np.full((side, side), -1, np.int32)
    total = 0
    limit = side * cell
    per_pixel = 1.0 / cell
    for j in range(len(p)):
        right, above = p[j] + reach, q[j] + reach
        for i in range(np.searchsorted(u, right - limit, side="right"), len(u)):
            dx = right - u[i]
            if dx < 0.0:
                break
            dy = above - v[i]
            if 0.0 <= dy < limit:
                row, column = min(int(dy * per_pixel), side - 1), min(int(dx * per_pixel), side - 1)
                if last[row, column] != j:
                    last[row, column] = j
                    counts[row, column] += 1
                    total += 1
    peaks = np.zeros((n_peaks, 3), np.int64)
    sums = np.empty(side + 1, np.int32)
    for number in range(n_peaks):
        best = -1
        for row in range(side):
            highest = 0
            for column in range(side):
                sums[column] = (
                    counts[row, column]
                    + counts[row, column + 1]
                    + counts[row + 1, column]
                    + counts[row + 1, column + 1]
                )
                highest = max(highest, sums[column])
            if highest > best:
                best = highest
                peaks[number, 0], peaks[number, 2] = highest, row
                peaks[number, 1] = np.flatnonzero(sums[:side] == highest)[0]
        if number + 1 < n_peaks:
            column, row = peaks[number, 1], peaks[number, 2]
            counts[max(row - 1, 0) : row + 3, max(column - 1, 0) : column + 3] = 0
    return peaks, total, side * side

"""Steps of the sky at the borders between amplifiers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Box, Floats, Pixels
from seechange_core.imaging.robust import scatter

#: Depth of the two strips beside a border, length of the pieces that they are cut into (pixel).
_DEPTH = 32
_PIECE = 64
_LEAST_USABLE = 0.3
_CLIP_SIGMA = 3.5


def matching_factors(
    data: Pixels, usable: NDArray[np.bool_], boxes: Sequence[Box]
) -> tuple[Floats, Floats] | None:
    """Find by what to multiply amplifiers so that the sky goes on across their borders.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Flat-fielded sky with sources.
    usable : bool array of the same shape
        Pixels to look at.
    boxes : sequence of Box
        Of the amplifiers.

    Returns
    -------
    factors, errors : array of shape (n,)
        Their logarithms have mean 0. None if some amplifiers are connected to the others by no border that was seen.

    Notes
    -----
    On either side of a border the sky is extrapolated to it from the medians of two strips, piece by piece along the
    border; pieces in which a source disturbs are clipped.
    """
    equations, steps, errors = [], [], []
    for first, second in combinations(range(len(boxes)), 2):
        found = _step(data, usable, boxes[first], boxes[second])
        if found is not None:
            equation = np.zeros(len(boxes))
            equation[first], equation[second] = 1.0, -1.0
            equations.append(equation)
            steps.append(found[0])
            errors.append(max(found[1], 1e-6))
    weight = 1.0 / np.array(errors) if errors else np.empty(0)
    if not equations or np.linalg.matrix_rank(np.array(equations)) < len(boxes) - 1:
        return None
    design = np.vstack([np.array(equations) * weight[:, None], np.ones(len(boxes))])
    inverse = np.linalg.pinv(design)
    logarithms = inverse @ np.append(np.array(steps) * weight, 0.0)
    return np.exp(logarithms), np.sqrt((inverse[:, :-1] ** 2).sum(axis=1))


def _step(data: Pixels, usable: NDArray[np.bool_], first: Box, second: Box) -> tuple[float, float] | None:
    """Return the logarithm of the second's sky divided by the first's at their border, and its error."""
    if first.x1 == second.x0 or second.x1 == first.x0:
        rows = slice(max(first.y0, second.y0), min(first.y1, second.y1))
        pixels, good = data[rows], usable[rows]
        low, high = (first, second) if first.x1 == second.x0 else (second, first)
        border, low_size, high_size = low.x1, low.x1 - low.x0, high.x1 - high.x0
    elif first.y1 == second.y0 or second.y1 == first.y0:
        columns = slice(max(first.x0, second.x0), min(first.x1, second.x1))
        pixels, good = data[:, columns].T, usable[:, columns].T
        low, high = (first, second) if first.y1 == second.y0 else (second, first)
        border, low_size, high_size = low.y1, low.y1 - low.y0, high.y1 - high.y0
    else:
        return None
    depth = min(_DEPTH, low_size // 2, high_size // 2)
    if len(pixels) < 1 or depth < 1:
        return None
    before, after = (
        _extrapolated(pixels, good, border + sign * depth, border, depth, sign) for sign in (-1, 1)
    )
    seen = np.isfinite(before) & np.isfinite(after) & (before > 0) & (after > 0)
    if seen.sum() < 4:
        return None
    steps = np.log(after[seen] / before[seen])
    kept = np.abs(steps - np.median(steps)) <= _CLIP_SIGMA * max(scatter(steps), 1e-12)
    step = float(np.mean(steps[kept]))
    error = float(np.std(steps[kept]) / np.sqrt(kept.sum()))
    return (step if low is first else -step), error


def _extrapolated(
    pixels: Pixels, good: NDArray[np.bool_], middle: int, border: int, depth: int, sign: int
) -> Floats:
    """Return the sky at the border on one side of it, for each piece along it; NaN where too little is usable."""
    near = slice(min(middle, border), max(middle, border))
    far = slice(near.start + sign * depth, near.stop + sign * depth)
    pieces = max(1, len(pixels) // _PIECE)
    result = np.full(pieces, np.nan)
    for piece in range(pieces):
        rows = slice(piece * len(pixels) // pieces, (piece + 1) * len(pixels) // pieces)
        medians = []
        for strip in (near, far):
            values = pixels[rows, strip][good[rows, strip]]
            if values.size > _LEAST_USABLE * (rows.stop - rows.start) * depth:
                medians.append(float(np.median(values)))
        if len(medians) == 2:
            result[piece] = 1.5 * medians[0] - 0.5 * medians[1]
    return result

"""Splitting groups of bright pixels into sources, by the depth of the valleys between their peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.frames import Pixels


def split_groups(
    sharp: Pixels,
    smooth: Pixels,
    y: NDArray[np.int32],
    x: NDArray[np.int32],
    shape: tuple[int, int],
    *,
    least_rise: float,
    contrast: float,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """Give each of some pixels to a peak, where every peak rises enough above the valley towards a higher one.

    Parameters
    ----------
    sharp, smooth : array of shape (n,), float32
        Heights of the pixels (sigma): after a narrow filter, which shows close peaks, and after the matched one, which
        shows faint ones.
    y, x : int array of shape (n,)
        Their rows and columns.
    shape : tuple of int
        Of the image.
    least_rise : float
        How far a peak must stand above the highest pass to a higher peak of its group, in either height (sigma).
    contrast : float
        The same as a part of the peak's own height.

    Returns
    -------
    owner : int32 array of shape (n,)
        Number of the peak that each pixel belongs to, from 0.
    peak : int32 array of shape (number of peaks,)
        Which of the n pixels is the top of each peak; highest peaks first.
    blended : bool array of shape (number of peaks,)
        Whether its group has another peak.

    Notes
    -----
    The image is flooded from the top down. Where two lakes meet, the peak of the lower one is kept if its rise, which
    topologists call persistence, is no accident of the noise: Edelsbrunner, Letscher & Zomorodian (2002), Discrete &
    Computational Geometry 28, 511. The smooth profile of a star or a galaxy has one peak, however large it is.
    """
    order = np.argsort(-sharp).astype(np.int32)
    owner, peak, blended = _flood(
        sharp,
        smooth,
        order,
        y,
        x,
        np.zeros(shape, np.int32),
        np.float32(least_rise),
        np.float32(contrast),
    )
    return owner, peak, blended


@njit(cache=True)
def _root(parent: NDArray[Any], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


@njit(cache=True)
def _rises(top: np.float32, valley: np.float32, least_rise: np.float32, contrast: np.float32) -> bool:
    return bool(top - valley >= max(least_rise, contrast * top))


@njit(cache=True)
def _flood(
    sharp: Pixels,
    smooth: Pixels,
    order: NDArray[Any],
    y: NDArray[Any],
    x: NDArray[Any],
    flooded: NDArray[Any],
    least_rise: np.float32,
    contrast: np.float32,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    ny, nx = flooded.shape
    owner = np.empty(len(sharp), np.int32)
    # Per local maximum: its pixel; the height of its lake after the matched filter; the lake it is part of now, named
    # by the lake's highest peak; and, if it is no peak of its own, the one whose slope it lies on.
    top = np.empty(len(sharp), np.int32)
    smooth_top = np.empty(len(sharp), np.float32)
    lake = np.empty(len(sharp), np.int32)
    slope = np.empty(len(sharp), np.int32)
    kept = np.ones(len(sharp), np.bool_)
    n_tops = 0
    for pixel in order:
        row, column = y[pixel], x[pixel]
        # The peak uphill of this pixel: that of the highest neighbour.
        uphill = -1
        meets_another = False
        best = np.float32(-np.inf)
        for j in range(max(0, row - 1), min(ny, row + 2)):
            for i in range(max(0, column - 1), min(nx, column + 2)):
                number = flooded[j, i] - 1
                if number >= 0:
                    meets_another |= uphill >= 0 and owner[number] != uphill
                    if sharp[number] > best:
                        best = sharp[number]
                        uphill = owner[number]
        flooded[row, column] = pixel + 1
        if uphill < 0:
            top[n_tops] = pixel
            smooth_top[n_tops] = smooth[pixel]
            lake[n_tops] = n_tops
            slope[n_tops] = n_tops
            owner[pixel] = n_tops
            n_tops += 1
            continue
        owner[pixel] = uphill
        whole = _root(lake, uphill)
        smooth_top[whole] = max(smooth_top[whole], smooth[pixel])
        if not meets_another:
            continue
        for j in range(max(0, row - 1), min(ny, row + 2)):
            for i in range(max(0, column - 1), min(nx, column + 2)):
                number = flooded[j, i] - 1
                if number < 0 or number == pixel:
                    continue
                one, other = _root(lake, owner[pixel]), _root(lake, owner[number])
                if one == other:
                    continue
                # Tops are numbered downwards.
                lower, higher = max(one, other), min(one, other)
                beside = owner[pixel] if higher == one else owner[number]
                if not (
                    _rises(sharp[top[lower]], sharp[pixel], least_rise, contrast)
                    or _rises(smooth_top[lower], smooth[pixel], least_rise, contrast)
                ):
                    kept[lower] = False
                    slope[lower] = beside
                lake[lower] = higher
                smooth_top[higher] = max(smooth_top[higher], smooth_top[lower])
    names = np.full(n_tops, -1, np.int32)
    n_peaks = 0
    for number in range(n_tops):
        if kept[number]:
            names[number] = n_peaks
            top[n_peaks] = top[number]
            n_peaks += 1
    members = np.zeros(n_tops, np.int32)
    for number in range(n_tops):
        if kept[number]:
            members[_root(lake, number)] += 1
    blended = np.zeros(n_peaks, np.bool_)
    for number in range(n_tops):
        if kept[number]:
            blended[names[number]] = members[_root(lake, number)] > 1
    for pixel in range(len(sharp)):
        owner[pixel] = names[_root(slope, owner[pixel])]
    return owner, top[:n_peaks].copy(), blended

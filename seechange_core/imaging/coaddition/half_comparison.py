"""Light that only a part of a coadd's time shows: its members of the earlier half against those of the later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from seechange_core.frames import Pixels, unusable
from seechange_core.imaging.coaddition import deviation_kernels
from seechange_core.imaging.coaddition.coadd import Clipping, WarpedMembers
from seechange_core.imaging.coaddition.deviating_pixels import levels_about_middle, scales
from seechange_core.imaging.coaddition.linear_coadd import Combined, best_weights, linear_coadd
from seechange_core.imaging.masked_pixels import grown

#: With fewer in a half a cosmic ray cannot be told from a transient.
_FEWEST_IN_HALF = 2


@dataclass(frozen=True)
class Change:
    """A place whose light differs between the halves.

    Parameters
    ----------
    x, y : float
        Pixel.
    significance : float
        How far the difference lies beyond zero (sigma); positive where the later half is brighter.
    earlier, later : float
        Flux of a point source in each half, host included (electron at the coadd's zero point).
    """

    x: float
    y: float
    significance: float
    earlier: float
    later: float


@dataclass(frozen=True)
class HalfComparison:
    """What a comparison found.

    Parameters
    ----------
    changes : tuple of Change
        The most significant first.
    changed : bool array of the coadd's shape
        Pixels that such a place spreads over.
    apart_days : float
        Between the mean times of the halves.
    """

    changes: tuple[Change, ...]
    changed: NDArray[np.bool_]
    apart_days: float


def compare_halves(
    members: WarpedMembers, mjd: Sequence[float], *, clipping: Clipping, limit_sigma: float
) -> HalfComparison | None:
    """Compare the coadds of the earlier and the later half of the members, each clipped on its own.

    Parameters
    ----------
    members : WarpedMembers
    mjd : sequence of float
        When each was taken.
    clipping : Clipping
        Its `light_fraction` also is the part of the local light by which a place may differ.
    limit_sigma : float
        Places that differ more are changes.

    Returns
    -------
    HalfComparison or None
        None if there are fewer than four members.

    Notes
    -----
    Clipping all members together hides a transient where it is bright in less than half of them, and then it does not
    contaminate the coadd either. Here it shows where at least half of either half has it.
    """
    order = np.argsort(np.asarray(mjd, np.float64), kind="stable")
    half = len(order) // 2
    if half < _FEWEST_IN_HALF:
        return None
    earlier, later = order[:half].tolist(), order[half:].tolist()
    times = [float(np.mean(np.asarray(mjd)[chosen])) for chosen in (earlier, later)]
    coadds = [linear_coadd(members.clipped(chosen, clipping)[0], best_weights) for chosen in (earlier, later)]
    changes, changed = _changes(coadds, clipping.light_fraction, limit_sigma)
    return HalfComparison(changes, changed, times[1] - times[0])


def _changes(
    coadds: Sequence[Combined], light_fraction: float, limit_sigma: float
) -> tuple[tuple[Change, ...], NDArray[np.bool_]]:
    scale = scales([coadd.psf for coadd in coadds])[1]
    half = len(scale.taps) // 2
    smoothed = _smoothed(np.stack([coadd.data for coadd in coadds]), scale.taps)
    variance = _smoothed(np.stack([coadd.variance for coadd in coadds]), scale.taps**2)
    variance[:] = variance.sum(axis=0)
    hidden = unusable(coadds[0].mask) | unusable(coadds[1].mask)
    usable = np.broadcast_to(~grown(hidden, half), smoothed.shape)
    _, levels = levels_about_middle(smoothed, variance, usable, scale, limit_sigma, light_fraction)
    found = deviation_kernels.near_highest(levels, half).any(axis=0)
    regions, _ = label(found, np.ones((3, 3)))
    score = (smoothed[1] - smoothed[0]) / np.sqrt(np.maximum(variance[0], 1e-30))
    light = [_point_source_light(coadd, scale.taps) for coadd in coadds]
    changes = []
    for number, box in enumerate(find_objects(regions), start=1):
        within = np.where(regions[box] == number, np.abs(score[box]), 0.0)
        row, column = np.unravel_index(int(np.argmax(within)), within.shape)
        y, x = int(row) + box[0].start, int(column) + box[1].start
        fluxes = [float(smoothed[i, y, x] / light[i]) for i in (0, 1)]
        changes.append(Change(float(x), float(y), float(score[y, x]), fluxes[0], fluxes[1]))
    changes.sort(key=lambda change: -abs(change.significance))
    return tuple(changes), grown(found, half)


def _smoothed(images: Pixels, taps: Pixels) -> Pixels:
    smoothed = np.empty_like(images)
    deviation_kernels.smooth(images, taps, smoothed)
    return smoothed


def _point_source_light(coadd: Combined, taps: Pixels) -> float:
    """Return what a source of flux 1 has in the middle of its smoothed image."""
    stamp = coadd.psf.centred(coadd.psf.x_zero, coadd.psf.y_zero).astype(np.float32)
    return float(_smoothed(stamp[None], taps).max())

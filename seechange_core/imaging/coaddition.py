"""Adding aligned images of one sky area.

Members are warped and combined strip by strip, so that only their inputs and one strip of each are held in memory.
Pixels that deviate from the other members are left out first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, Frame, MaskPlane, Pixels, PsfModel, unusable
from seechange_core.imaging.deviating_pixels import deviating_pixels, seeing_tolerance
from seechange_core.imaging.noise_ratio import sky_scatter
from seechange_core.imaging.pixel_map import PixelMap
from seechange_core.imaging.psf_normalisation import measured_fwhm
from seechange_core.imaging.psf_warping import warp_psf
from seechange_core.imaging.warping import WarpSource, prepare_source, warp_rows

_STRIP_ROWS = 256


@dataclass(frozen=True)
class Member:
    """One image of a coadd.

    Parameters
    ----------
    frame : Frame
        Background subtracted.
    psf : PsfModel
        Of the frame.
    pixel_map : PixelMap
        From the coadd's pixels to the frame's.
    scale : float
        Factor that brings its electrons to the coadd's zero point.
    """

    frame: Frame
    psf: PsfModel
    pixel_map: PixelMap
    scale: float


@dataclass(frozen=True)
class Coadd:
    """The sum of members.

    Parameters
    ----------
    frame : Frame
        Electrons at the common zero point, without ``info`` and ``header``.
    psf : PsfModel
        Mean of the members' with their weights.
    weights : array of shape (n_members,)
        Normalised to 1.
    clipped_fraction : float
        Part of the members' usable pixels that was left out because it deviated.
    """

    frame: Frame
    psf: PsfModel
    weights: Floats
    clipped_fraction: float


def equal_weights(members: Sequence[Member]) -> Floats:
    """Weigh all members alike."""
    return np.full(len(members), 1.0 / len(members))


def signal_to_noise_weights(members: Sequence[Member]) -> Floats:
    """Weigh by what a member tells of a point source: 1 / (sky variance at the common zero point times FWHM squared).

    One number for a member, never a pixel's own variance, which would weigh bright stars down where they peak.
    """
    weights = np.array(
        [1.0 / (m.scale**2 * _sky_variance(m.frame) * max(m.psf.fwhm, 1.0) ** 2) for m in members]
    )
    return weights / weights.sum()


#: Ways to coadd by name: from members to their weights.
METHODS: dict[str, Callable[[Sequence[Member]], Floats]] = {
    "mean": equal_weights,
    "weighted": signal_to_noise_weights,
}


def coadd(
    members: Sequence[Member],
    shape: tuple[int, int],
    *,
    method: str,
    clip_sigma: float,
    light_fraction: float,
) -> Coadd:
    """Add images.

    Parameters
    ----------
    members : sequence of Member
        At least one.
    shape : tuple of int
        Rows and columns of the coadd.
    method : str
        A key of `METHODS`.
    clip_sigma : float
        A pixel is left out if it deviates from the other members by more than this many sigma beyond what their seeing
        explains; see `deviating_pixels`.
    light_fraction : float
        Part of the local light that it may deviate by besides.

    Returns
    -------
    Coadd
        Unusable planes are carried only where no member is usable, except ``SATURATED``, which is carried from any.
    """
    weights = METHODS[method](members)
    sources = [prepare_source(member.frame) for member in members]
    psfs = _warped_psfs(members, shape)
    tolerance = seeing_tolerance(psfs)
    halo = tolerance.reach + 1
    data, variance = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    mask = np.zeros(shape, np.uint16)
    n_used = n_clipped = 0
    for first in range(0, shape[0], _STRIP_ROWS):
        last = min(first + _STRIP_ROWS, shape[0])
        rows = (max(first - halo, 0), min(last + halo, shape[0]))
        strip = _strip(members, sources, rows, shape[1])
        usable = ~unusable(strip.mask)
        clipped = deviating_pixels(
            strip.data,
            strip.variance,
            usable,
            tolerance,
            clip_sigma=clip_sigma,
            light_fraction=light_fraction,
        )
        inner = np.s_[first - rows[0] : last - rows[0]]
        used = usable & ~clipped
        n_used += int(np.count_nonzero(used[:, inner]))
        n_clipped += int(np.count_nonzero(clipped[:, inner]))
        combined = _combined(strip, used, weights)
        data[first:last], variance[first:last], mask[first:last] = (part[inner] for part in combined)
    ratio = _noise_ratio(members, sky_scatter(data, variance, mask))
    psf = _mean_psf(psfs, weights)
    fraction = n_clipped / max(n_used + n_clipped, 1)
    return Coadd(Frame(data, variance, mask, noise_ratio=ratio), psf, weights, fraction)


@dataclass(frozen=True)
class _Strip:
    """Some rows of all members on the coadd's grid, each array of shape (n_members, rows, columns)."""

    data: Pixels
    variance: Pixels
    mask: NDArray[np.uint16]


def _strip(
    members: Sequence[Member], sources: Sequence[WarpSource], rows: tuple[int, int], n_columns: int
) -> _Strip:
    parts = []
    for member, source in zip(members, sources, strict=True):
        data, variance, mask = warp_rows(source, member.pixel_map, rows, n_columns)
        parts.append((data * np.float32(member.scale), variance * np.float32(member.scale**2), mask))
    return _Strip(*(np.stack([part[number] for part in parts]) for number in range(3)))


def _combined(
    strip: _Strip, used: NDArray[np.bool_], weights: Floats
) -> tuple[Pixels, Pixels, NDArray[np.uint16]]:
    weight = used * weights.astype(np.float32)[:, None, None]
    total = weight.sum(axis=0)
    covered = total > 0
    safe = np.where(covered, total, np.float32(1.0))
    data = np.where(used, strip.data, 0.0)
    data = (weight * data).sum(axis=0) / safe
    variance = (weight**2 * np.where(used, strip.variance, 0.0)).sum(axis=0) / safe**2
    everything = np.bitwise_or.reduce(strip.mask, axis=0)
    of_used = np.bitwise_or.reduce(np.where(used, strip.mask, 0), axis=0)
    mask = np.where(covered, of_used | (everything & np.uint16(MaskPlane.SATURATED)), everything)
    mask[~covered] |= np.uint16(MaskPlane.NO_DATA)
    return data.astype(np.float32), variance.astype(np.float32), mask.astype(np.uint16)


def _sky_variance(frame: Frame) -> float:
    good = frame.variance[(~unusable(frame.mask)) & (frame.variance > 0)]
    return float(np.median(good[:: max(1, good.size // 100_000)])) if good.size else float("inf")


def _noise_ratio(members: Sequence[Member], after: float) -> float:
    """Return the mean ratio of the members times how much smoother the coadd's pixels are than theirs."""
    before = [sky_scatter(member.frame.data, member.frame.variance, member.frame.mask) for member in members]
    ratios = [
        m.frame.noise_ratio * after / value for m, value in zip(members, before, strict=True) if value > 0
    ]
    return float(np.mean(ratios)) if ratios and after > 0 else 1.0


def _warped_psfs(members: Sequence[Member], shape: tuple[int, int]) -> list[PsfModel]:
    """Return the members' PSFs on the coadd's grid, of one size and degree."""
    degree = max(member.psf.degree for member in members)
    warped = [warp_psf(member.psf, member.pixel_map, shape) for member in members]
    size = max(model.coefficients.shape[-1] for model in warped)
    return [warp_psf(m.psf, m.pixel_map, shape, size=size, degree=degree) for m in members]


def _mean_psf(psfs: Sequence[PsfModel], weights: Floats) -> PsfModel:
    coefficients = sum(w * psf.coefficients.astype(np.float64) for w, psf in zip(weights, psfs, strict=True))
    mean = replace(
        psfs[0], coefficients=np.asarray(coefficients, np.float32), n_stars=min(psf.n_stars for psf in psfs)
    )
    # Not the mean of the widths: the sharpest member makes the peak.
    return replace(mean, fwhm=measured_fwhm(mean, mean.x_zero, mean.y_zero))

"""Adding images of one sky area.

Members are warped one after the other to a stack on disk and combined from there in bands of rows or in tiles, so that
memory does not grow with their number. Pixels that deviate from the other members are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from seechange_core.frames import Box, Floats, Frame, Mask, Pixels, PsfModel, unusable
from seechange_core.imaging.alignment.noise_ratio import sky_scatter
from seechange_core.imaging.alignment.pixel_map import PixelMap
from seechange_core.imaging.alignment.psf_warping import warp_psf
from seechange_core.imaging.alignment.warping import FluxFactor, prepare_source, warp_rows
from seechange_core.imaging.coaddition.deviating_pixels import deviating_pixels, scales
from seechange_core.imaging.coaddition.linear_coadd import (
    Combined,
    Stacked,
    best_weights,
    equal_weights,
    linear_coadd,
    row_bands,
)
from seechange_core.imaging.coaddition.proper_coadd import proper_coadd
from seechange_core.imaging.coaddition.warped_stack import Usable, WarpedStack

_SKY_PIXELS = 100_000

#: Ways to coadd by name.
METHODS: dict[str, Callable[[Stacked], Combined]] = {
    "mean": partial(linear_coadd, weigh=equal_weights),
    "weighted": partial(linear_coadd, weigh=best_weights),
    "proper": proper_coadd,
}


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
    flux_factor : callable, optional
        What they are multiplied with besides where the member's zero point varies; see `flux_scaling`.
    """

    frame: Frame
    psf: PsfModel
    pixel_map: PixelMap
    scale: float
    flux_factor: FluxFactor | None = None


@dataclass(frozen=True)
class Clipping:
    """What is left out.

    Parameters
    ----------
    sigma : float
        A pixel is left out if it deviates from the other members by more than this many sigma beyond what their seeing
        explains; see `deviating_pixels`.
    light_fraction : float
        Part of the local light that it may deviate by besides.
    """

    sigma: float
    light_fraction: float


@dataclass(frozen=True)
class Coadd:
    """The sum of members.

    Parameters
    ----------
    frame : Frame
        Electrons at the common zero point, without ``info`` and ``header``.
    psf : PsfModel
        Of the sum.
    weights : array of shape (n_members,)
        Normalised to 1.
    clipped_fraction : float
        Part of the members' usable pixels that was left out because it deviated.
    depth_fraction : float
        Signal to noise of a faint point source under the coadd's PSF, relative to what the members hold together.
    """

    frame: Frame
    psf: PsfModel
    weights: Floats
    clipped_fraction: float
    depth_fraction: float


class WarpedMembers:
    """Context manager: members on the grid of a coadd, their pixels on disk.

    Parameters
    ----------
    members : iterable of Member
        At least one; each is let go before the next is asked for.
    shape : tuple of int
        Rows and columns of the coadd.
    folder : Path or None
        Of the scratch file, see `WarpedStack`.
    """

    def __init__(self, members: Iterable[Member], shape: tuple[int, int], folder: Path | None = None) -> None:
        self._members = members
        self.stack = WarpedStack(folder, shape)

    def __enter__(self) -> WarpedMembers:
        self.stack.__enter__()
        unwarped: list[tuple[PsfModel, PixelMap]] = []
        sky_variance, noise_ratio = [], []
        for member in self._members:
            data, variance, mask = _warped(member, self.stack.shape)
            self.stack.append(data, variance, mask)
            sky_variance.append(_sky_variance(variance, mask))
            before = sky_scatter(member.frame.data, member.frame.variance, member.frame.mask)
            after = sky_scatter(data, variance, mask)
            smoother = after / before if before > 0 and after > 0 else 1.0
            noise_ratio.append(member.frame.noise_ratio * smoother)
            unwarped.append((member.psf, member.pixel_map))
        self.psfs = _warped_psfs(unwarped, self.stack.shape)
        self.sky_variance, self.noise_ratio = np.array(sky_variance), np.array(noise_ratio)
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.__exit__(None, None, None)

    def clipped(self, chosen: Sequence[int], clipping: Clipping) -> tuple[Stacked, float]:
        """Find out what of some members deviates from the others among them; return them, and the part left out."""
        stack = self.stack
        psfs = tuple(self.psfs[number] for number in chosen)
        at_scales = scales(psfs)
        halo = max(scale.halo for scale in at_scales)
        usable = Usable(len(chosen), stack.shape)
        n_usable = n_clipped = 0
        for band in row_bands(stack.shape, len(chosen), halo=halo):
            wide = Box(max(band.y0 - halo, 0), min(band.y1 + halo, stack.shape[0]), band.x0, band.x1)
            inner = np.s_[:, band.y0 - wide.y0 : band.y1 - wide.y0]
            good = ~unusable(stack.mask(chosen, wide))
            deviates = deviating_pixels(
                stack.data(chosen, wide),
                stack.variance(chosen, wide),
                good,
                at_scales,
                clip_sigma=clipping.sigma,
                light_fraction=clipping.light_fraction,
            )
            n_usable += int(np.count_nonzero(good[inner]))
            n_clipped += int(np.count_nonzero(deviates[inner]))
            usable.set_rows(band.y0, (good & ~deviates)[inner])
        stacked = Stacked(stack, tuple(chosen), usable, psfs, self.sky_variance[list(chosen)])
        return stacked, n_clipped / max(n_usable, 1)


def coadd(members: WarpedMembers, *, method: str, clipping: Clipping) -> Coadd:
    """Add images.

    Parameters
    ----------
    members : WarpedMembers
    method : str
        A key of `METHODS`.
    clipping : Clipping

    Returns
    -------
    Coadd
        Unusable planes are carried only where no member is usable, except ``SATURATED``, which is carried from any.
    """
    stacked, fraction = members.clipped(range(len(members.stack)), clipping)
    made = METHODS[method](stacked)
    ratio = _noise_ratio(members, made.weights)
    frame = Frame(made.data, made.variance, made.mask, noise_ratio=ratio)
    return Coadd(frame, made.psf, made.weights, fraction, _depth_fraction(stacked, made))


def _warped(member: Member, shape: tuple[int, int]) -> tuple[Pixels, Pixels, Mask]:
    # The error of interpolation would hide cosmic rays, which are as sharp as nothing else.
    data, variance, mask = warp_rows(
        prepare_source(member.frame),
        member.pixel_map,
        (0, shape[0]),
        shape[1],
        member.flux_factor,
        interpolation_error=False,
    )
    data *= np.float32(member.scale)
    variance *= np.float32(member.scale**2)
    return data, variance, mask


def _sky_variance(variance: Pixels, mask: Mask) -> float:
    good = variance[(~unusable(mask)) & (variance > 0)]
    return float(np.median(good[:: max(1, good.size // _SKY_PIXELS)])) if good.size else float("inf")


def _noise_ratio(members: WarpedMembers, weights: Floats) -> float:
    """Return that of the sum of members as resampled.

    Not measured on the sum, where faint sources that no member shows would count as noise.
    """
    finite = np.isfinite(members.sky_variance)
    noise = (weights**2)[finite] * members.sky_variance[finite]
    return float(np.sqrt(np.average(members.noise_ratio[finite] ** 2, weights=noise))) if noise.any() else 1.0


def _warped_psfs(members: Sequence[tuple[PsfModel, PixelMap]], shape: tuple[int, int]) -> list[PsfModel]:
    """Return the members' PSFs on the coadd's grid, of one size and degree."""
    degree = max(psf.degree for psf, _ in members)
    size = max(warp_psf(psf, pixel_map, shape).coefficients.shape[-1] for psf, pixel_map in members)
    return [warp_psf(psf, pixel_map, shape, size=size, degree=degree) for psf, pixel_map in members]


def _depth_fraction(stacked: Stacked, made: Combined) -> float:
    """Compare the signal to noise of a point source on the sky with that of all members together."""
    light = [float((psf.centred(psf.x_zero, psf.y_zero) ** 2).sum()) for psf in (*stacked.psfs, made.psf)]
    finite = np.isfinite(stacked.sky_variance)
    ideal = float((np.array(light[:-1])[finite] / stacked.sky_variance[finite]).sum())
    weights = made.weights[finite]
    variance = float((weights**2 * stacked.sky_variance[finite]).sum()) / float(weights.sum()) ** 2
    return float(np.sqrt(light[-1] / variance / ideal)) if ideal > 0 else float("nan")

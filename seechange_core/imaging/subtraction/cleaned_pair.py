"""A new image and its reference, made ready for filters: one scale, and a number in every pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seechange_core.errors import Rejected
from seechange_core.frames import AlignedPair, Floats, Frame, Mask, Pixels, PsfModel, unusable
from seechange_core.frames.arrays import as_pixels
from seechange_core.frames.polynomial import design_matrix, exponents
from seechange_core.imaging.masked_pixels import fill_holes
from seechange_core.imaging.robust import scatter
from seechange_core.imaging.subtraction.patched_plane import Holes, PatchedPlane, Surface

_BACKGROUND_CELLS = 8
_BACKGROUND_DEGREE = 2
_BLOCK = 16
_STRIP_ROWS = 256
_CLIP_SIGMA = 2.0
_CLIPPING_ROUNDS = 5
_SAMPLE_STEP = 3
_BRIGHT_SIGMA = 10.0
# Transforms in float32 are good to some 1e-7 of the greatest value.
_GREATEST_ERROR_SIGMA = 100.0


@dataclass(frozen=True)
class CleanedPair:
    """Both images in electrons of the new one, without holes.

    Parameters
    ----------
    new, ref, new_variance, ref_variance : PatchedPlane
        Electrons, electrons squared.
    bad : bool array of shape (ny, nx)
        Pixels that were unusable in either image, and now have stand-ins.
    unknown : array of shape (n,), float32
        Error of the stand-in of each bad pixel where it is bright (electron), as in the cores of saturated stars, and
        else 0. Unlike noise it has the same sign in all pixels of a hole.
    mask : array of shape (ny, nx), uint16
        Planes of both inputs, combined.
    new_psf, ref_psf : PsfModel
        As in `AlignedPair`.
    new_noise, ref_noise : float
        Typical noise of a pixel without sources (electron).
    sky_difference : float
        Mean level that was subtracted from the new image, whose sky had so much more than the reference's (electron).
    """

    new: PatchedPlane
    ref: PatchedPlane
    new_variance: PatchedPlane
    ref_variance: PatchedPlane
    bad: NDArray[np.bool_]
    unknown: Pixels
    mask: Mask
    new_psf: PsfModel
    ref_psf: PsfModel
    new_noise: float
    ref_noise: float
    sky_difference: float = 0.0

    @property
    def usable_fraction(self) -> float:
        """Pixels that are good in both images, divided by all."""
        return 1.0 - float(np.count_nonzero(self.bad)) / self.bad.size


def cleaned_pair(pair: AlignedPair, *, fill_error: float, min_usable_fraction: float) -> CleanedPair:
    """Bring both images to the new one's scale and put stand-ins into unusable pixels.

    Where one image is unusable, the other stands in, plus the difference of the two as interpolated from the pixels
    around; where both are, each is interpolated. So a filter that spreads the stand-ins spreads little. The light of a
    stand-in is uncertain by a fraction, which enters its variance, and `unknown` where it is bright.

    Parameters
    ----------
    pair : AlignedPair
        As the subtractor got it; not changed.
    fill_error : float
        Error of a stand-in as a fraction of its light.
    min_usable_fraction : float
        Least part of the pixels that has to be usable in both images.

    Raises
    ------
    Rejected
        If a PSF is unknown, or fewer pixels are usable in both images, or none.
    """
    new_psf, ref_psf = pair.psfs()
    scale = np.float32(1.0 / pair.flux_ratio)
    new_bad, ref_bad = _bad(pair.new), _bad(pair.ref)
    bad = new_bad | ref_bad
    usable_fraction = 1.0 - float(np.count_nonzero(bad)) / bad.size
    if usable_fraction < min_usable_fraction or usable_fraction == 0:
        raise Rejected(
            f"new image and reference have {usable_fraction:.1%} of their pixels usable in both; "
            f"at least {min_usable_fraction:.1%} are needed (min_usable_fraction)",
            {"usable_fraction": round(usable_fraction, 4)},
        )
    new_noise, ref_noise = _noise(pair.new.variance, bad), _noise(pair.ref.variance, bad) * float(scale)
    holes = Holes.of(bad)
    new, ref = _stand_ins(pair, new_bad, ref_bad, bad, scale)
    light = np.maximum(np.abs(new), np.abs(ref))
    unknown = np.where(light > _BRIGHT_SIGMA * new_noise, fill_error * light, 0).astype(np.float32)
    new_variance, ref_variance = pair.new.variance[bad], pair.ref.variance[bad] * (scale * scale)
    for variance, values, noise, chosen in (
        (new_variance, new, new_noise, new_bad[bad]),
        (ref_variance, ref, ref_noise, ref_bad[bad]),
    ):
        variance[chosen] = _stand_in_variance(values[chosen], noise, fill_error)
    return CleanedPair(
        new=PatchedPlane(pair.new.data, holes, new),
        ref=PatchedPlane(pair.ref.data, holes, ref, float(scale)),
        new_variance=PatchedPlane(pair.new.variance, holes, new_variance),
        ref_variance=PatchedPlane(pair.ref.variance, holes, ref_variance, float(scale * scale)),
        bad=bad,
        unknown=unknown,
        mask=pair.new.mask | pair.ref.mask,
        new_psf=new_psf,
        ref_psf=ref_psf,
        new_noise=new_noise,
        ref_noise=ref_noise,
    )


def noise_levels(pair: AlignedPair) -> tuple[float, float]:
    """Return the typical noise of a pixel without sources in new image and reference (electron of the new image)."""
    bad = _bad(pair.new) | _bad(pair.ref)
    return _noise(pair.new.variance, bad), _noise(pair.ref.variance, bad) / pair.flux_ratio


def _stand_ins(
    pair: AlignedPair,
    new_bad: NDArray[np.bool_],
    ref_bad: NDArray[np.bool_],
    bad: NDArray[np.bool_],
    scale: np.float32,
) -> tuple[Pixels, Pixels]:
    """Return the light of both images in the bad pixels, one value for each."""
    new_psf, ref_psf = pair.psfs()
    depth = round(2 * max(new_psf.fwhm, ref_psf.fwhm, 2.0))
    found = [(np.empty(0, np.float32), np.empty(0, np.float32))]
    for first in range(0, len(bad), _STRIP_ROWS):
        inner = slice(first, first + _STRIP_ROWS)
        if not bad[inner].any():
            continue
        # Holes are filled so many pixels deep, so what lies further away than that does not matter.
        rows = slice(max(first - depth - 1, 0), inner.stop + depth + 1)
        planes = pair.new.data[rows].copy(), pair.ref.data[rows] * scale
        _fill(*planes, new_bad[rows], ref_bad[rows], depth)
        chosen = bad[rows].copy()
        chosen[: first - rows.start] = False
        chosen[inner.stop - rows.start :] = False
        found.append((planes[0][chosen], planes[1][chosen]))
    new, ref = (np.concatenate(values) for values in zip(*found, strict=True))
    return new, ref


def _fill(
    new: Pixels, ref: Pixels, new_bad: NDArray[np.bool_], ref_bad: NDArray[np.bool_], depth: int
) -> None:
    """Put stand-ins into both images, in place."""
    bad, neither = new_bad | ref_bad, new_bad & ref_bad
    ref_alone = ref_bad & ~new_bad
    new[new_bad], ref[ref_bad] = 0, 0
    step = new - ref
    step[bad] = 0
    fill_holes(step, bad, depth)
    ref[ref_alone] = new[ref_alone] - step[ref_alone]
    fill_holes(ref, neither, depth)
    new[new_bad] = ref[new_bad] + step[new_bad]


def without_background(pair: CleanedPair) -> CleanedPair:
    """Subtract from the new image what its sky has more than the reference's: a smooth surface.

    It goes through medians of the difference's means over small blocks. A block holds most stars as a whole, so the
    two PSFs need not match; blocks with what is new or gone are clipped.
    """
    shape = pair.new.shape
    rows, columns = (max(n // _BLOCK, 1) for n in shape)
    new, ref = pair.new.pixels, pair.ref.pixels
    good, total = _block_sums(new, ref, np.float32(pair.ref.scale), pair.bad, rows, columns)
    mean = total / np.maximum(good, 1)
    usable = good > 0.5 * good.max()
    if not usable.any():
        return pair
    surface = _surface(mean, usable)
    for _ in range(_CLIPPING_ROUNDS):
        off = mean - surface.drawn((rows, columns))
        kept = usable & (np.abs(off) < _CLIP_SIGMA * scatter(off[usable]))
        if not kept.any() or np.array_equal(kept, usable):
            break
        usable, surface = kept, _surface(mean, kept)
    subtracted = Surface(surface.coefficients.astype(np.float32))
    return replace(
        pair,
        new=replace(pair.new, surface=subtracted),
        sky_difference=float(surface.drawn((rows, columns)).mean()),
    )


def _surface(mean: Floats, usable: NDArray[np.bool_]) -> Surface:
    """Fit a polynomial to block means."""
    rows, columns = mean.shape
    v, u = np.nonzero(usable)
    y, x = (2 * v + 1) / rows - 1, (2 * u + 1) / columns - 1
    level = mean[usable]
    cell = (v * _BACKGROUND_CELLS // rows) * _BACKGROUND_CELLS + u * _BACKGROUND_CELLS // columns
    degree = _BACKGROUND_DEGREE
    if len(np.unique(cell)) < 4 * len(exponents(degree)):
        degree, cell = 0, np.zeros(len(level), np.intp)
    x, y, level = _cell_medians(cell, x, y, level)
    terms = design_matrix(x, y, degree)
    solution = np.linalg.lstsq(terms, level, rcond=None)[0]
    coefficients = np.zeros((degree + 1, degree + 1))
    for (i, j), value in zip(exponents(degree), solution, strict=True):
        coefficients[j, i] = value
    return Surface(coefficients)


def _cell_medians(
    cell: NDArray[np.intp], x: Floats, y: Floats, level: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the mean position and the median level of each cell."""
    order = np.lexsort((level, cell))
    first = np.flatnonzero(np.diff(cell[order], prepend=-1))
    number = np.diff(first, append=len(cell))
    x, y = (np.add.reduceat(values[order], first) / number for values in (x, y))
    lower, upper = (order[first + half] for half in ((number - 1) // 2, number // 2))
    return x, y, 0.5 * (level[lower] + level[upper])


@njit(cache=True)
def _block_sums(
    new: Pixels, ref: Pixels, ref_scale: np.float32, bad: NDArray[np.bool_], rows: int, columns: int
) -> tuple[Floats, Floats]:
    """Count good pixels and sum new minus reference over equal blocks, without what is left over at the far edges."""
    height, width = new.shape[0] // rows, new.shape[1] // columns
    good, total = np.zeros((rows, columns)), np.zeros((rows, columns))
    for y in range(rows * height):
        for column in range(columns):
            count, light = 0, np.float32(0.0)
            for x in range(column * width, (column + 1) * width):
                if not bad[y, x]:
                    count += 1
                    light += new[y, x] - ref_scale * ref[y, x]
            good[y // height, column] += count
            total[y // height, column] += light
    return good, total


@njit(cache=True)
def _not_finite(data: Pixels, variance: Pixels, bad: NDArray[np.bool_]) -> None:
    """Mark what is no number, and variances that are none, as bad."""
    for y in range(data.shape[0]):
        for x in range(data.shape[1]):
            fine = np.isfinite(data[y, x]) and np.isfinite(variance[y, x]) and variance[y, x] > 0
            bad[y, x] |= not fine


def _bad(frame: Frame) -> NDArray[np.bool_]:
    bad = unusable(frame.mask)
    _not_finite(frame.data, frame.variance, bad)
    return bad


def _stand_in_variance(light: Pixels, noise: float, fill_error: float) -> Pixels:
    """Return a variance that is large where light is unknown, but not so large that its transform drowns the sky's."""
    return as_pixels(noise**2 + np.minimum(fill_error * np.abs(light), _GREATEST_ERROR_SIGMA * noise) ** 2)


def _noise(variance: Pixels, bad: NDArray[np.bool_]) -> float:
    sample = variance[::_SAMPLE_STEP, ::_SAMPLE_STEP][~bad[::_SAMPLE_STEP, ::_SAMPLE_STEP]]
    if not sample.size:
        sample = variance[~bad]
    return float(np.sqrt(np.median(sample)))

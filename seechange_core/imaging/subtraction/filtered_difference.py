"""The difference of two filtered images, with all that follows from the filters: noise, PSF, score and fluxes.

Every linear subtraction is ``D = a * N - b * R`` (* is convolution). Alard & Lupton (1998) have ``a = 1`` and a fitted
kernel b; Zackay, Ofek & Gal-Yam (2016, ApJ 830, 27; ZOGY) have a and b from the two PSFs. The rest is the same for all
and is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2

from seechange_core.frames import Difference, Pixels, PsfModel
from seechange_core.imaging.masked_pixels import grown
from seechange_core.imaging.psf.fitted_psf import psf_from_stamps
from seechange_core.imaging.spectra import (
    Spectrum,
    kernel_spectrum,
    matched_filter,
    ratio,
    subtracted,
    sum_of_products,
)
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair
from seechange_core.imaging.subtraction.score_noise import write_score
from seechange_core.imaging.subtraction.translation_score import slope_covariance, write_translation_score
from seechange_core.imaging.tiles import Tile, tiles

_BEYOND_FWHM = 2.0
_BRIGHT_SIGMA = 5.0
_PSF_GRID = 4
_PSF_DEGREE = 2


@dataclass(frozen=True)
class Filters:
    """The filters at one place of the image as real FFTs, arrays of shape (ny, nx // 2 + 1), centred on pixel (0, 0).

    Parameters
    ----------
    new, ref : array
        Transforms of a and b.
    psf : array
        Transform of the difference's PSF: of a, convolved with the PSF of the new image.
    """

    new: Spectrum
    ref: Spectrum
    psf: Spectrum


class FilterSource(Protocol):
    """What gives the filters of a place: called with its position (pixel) and the rows and columns of the FFT."""

    def __call__(self, x: float, y: float, shape: tuple[int, int]) -> Filters:
        """Return the filters at position x, y."""
        ...


@dataclass(frozen=True)
class NoiseTerms:
    """What else than photons and read-out makes the score uncertain.

    Parameters
    ----------
    registration : tuple of float
        Misregistration along x and y, 1 sigma (pixel).
    relative : float
        Error of PSF and flux ratio as a fraction of a source's light.
    width : float
        Error of the PSFs' widths relative to each other: 1 sigma of the variance along one axis (pixel^2).
    """

    registration: tuple[float, float]
    relative: float
    width: float = 0.0


def transformed_psf(psf: PsfModel, x: float, y: float, shape: tuple[int, int]) -> Spectrum:
    """Return the real FFT of the PSF at a position, its centre at pixel (0, 0)."""
    size = min(psf.size, (min(shape) - 1) // 2 * 2 + 1)
    return kernel_spectrum(psf.centred(x, y, size).astype(np.float32), shape)


def filtered_difference(
    pair: CleanedPair,
    filters: FilterSource,
    noise: NoiseTerms,
    *,
    tile: int,
    border: int,
    translient: bool = False,
) -> Difference:
    """Compute the difference and its planes, tile by tile.

    Parameters
    ----------
    pair : CleanedPair
        Both images on one scale.
    filters : FilterSource
        The algorithm.
    noise : NoiseTerms
        Errors of registration and PSF.
    tile, border : int
        Side of a tile and its border on each side (pixel); filters reach no further than the border.
    translient : bool
        Whether the significance of motion is wanted, too.

    Returns
    -------
    Difference
        Score, flux and flux error are NaN within half a FWHM of an unusable pixel and within one FWHM of the image's
        edges, where the light beyond is missing.

    Notes
    -----
    The difference's noise has the spectrum ``|a|^2 V_n + |b|^2 V_r``, so the best filter for a point source is ``w =
    conj(p) / spectrum`` (for ZOGY's filters: eqs. 12 to 17). The score ``w * D`` is divided by its error, which follows
    from the variance planes, source light included, and from the registration (eqs. 25 to 29):
    ``sqrt((wa)^2 * V_n + (wb)^2 * V_r + ...)``. The error U of light that neither image shows, such as the cores of
    saturated stars, has one sign over a hole and so adds up before it is squared: ``(wa * U)^2 + (wb * U)^2``. A PSF
    whose variance is wrong by q leaves ``q / 2`` times the Laplacian of a source's light, as a shift leaves its slope.
    """
    shape = pair.new.shape
    planes = _Planes(*(np.empty(shape, np.float32) for _ in range(4 + translient)))
    for piece in tiles(shape, tile, border):
        _subtract_tile(piece, pair, filters, noise, planes)
    fwhm = max(pair.new_psf.fwhm, pair.ref_psf.fwhm, 1.0)
    hidden = grown(pair.bad, fwhm / 2)
    rim = int(np.ceil(fwhm))
    hidden[:rim], hidden[-rim:], hidden[:, :rim], hidden[:, -rim:] = True, True, True, True
    for plane in (planes.score, planes.flux_error, planes.translient):
        if plane is not None:
            plane[hidden] = np.nan
    return Difference(
        data=planes.data,
        variance=planes.variance,
        mask=pair.mask,
        psf=_difference_psf(pair, filters, border),
        score=planes.score,
        flux_error=planes.flux_error,
        translient=planes.translient,
    )


@dataclass(frozen=True)
class _Planes:
    data: Pixels
    variance: Pixels
    score: Pixels
    flux_error: Pixels
    translient: Pixels | None = None


def _subtract_tile(
    tile: Tile, pair: CleanedPair, filters: FilterSource, noise: NoiseTerms, planes: _Planes
) -> None:
    shape, small = tile.side, _small_shape(tile)
    local, kernels = filters(*tile.centre, shape), filters(*tile.centre, small)
    matched, small_matched = _matched(local, pair), _matched(kernels, pair)
    response = _plane(small_matched * kernels.psf, small)
    new, ref, new_variance, ref_variance = (
        rfft2(plane.tile(tile)) for plane in (pair.new, pair.ref, pair.new_variance, pair.ref_variance)
    )

    def noise_plane(new_kernel: Spectrum, ref_kernel: Spectrum) -> Pixels:
        squares = (_squared(kernel, small, shape) for kernel in (new_kernel, ref_kernel))
        return _plane(sum_of_products(new_variance, next(squares), ref_variance, next(squares)), shape)

    gone = local.ref * ref + _variation(tile, pair, filters, kernels)
    difference, score, light = subtracted(new, local.new, gone, matched)
    score_variance = noise_plane(small_matched * kernels.new, small_matched * kernels.ref)
    unknown = _unknown(tile, pair)
    if unknown.any():
        spread = matched * rfft2(unknown)
        score_variance += irfft2(local.new * spread, shape) ** 2
        score_variance += irfft2(local.ref * spread, shape) ** 2

    box = tile.inner.slices
    planes.data[box] = _plane(difference, shape)[tile.inside]
    planes.variance[box] = noise_plane(kernels.new, kernels.ref)[tile.inside]
    terms = np.array([*noise.registration, noise.width, noise.relative], np.float32)
    filtered = _plane(score, shape), _plane(light, shape), score_variance, terms, tile.border
    write_score(*filtered, response[0, 0], planes.score[box], planes.flux_error[box])
    if planes.translient is not None:
        write_translation_score(*filtered, slope_covariance(response), planes.translient[box])


def _unknown(tile: Tile, pair: CleanedPair) -> Pixels:
    """Return the error of the light in a tile: that of stand-ins, and of what lies beyond the image's edges.

    Bright light in an edge pixel goes on beyond it. Nothing there is taken for known but that it is about as bright.
    """
    unknown = np.zeros(tile.side, np.float32)
    on_image, inside = tile.overlap(pair.new.shape)
    pair.new.holes.put(pair.unknown, *on_image, unknown[inside])
    depth = round(_BEYOND_FWHM * max(pair.new_psf.fwhm, pair.ref_psf.fwhm, 1.0))
    for edge, strip in tile.beyond(pair.new.shape, depth):
        light = np.maximum(pair.new.part(*edge), pair.ref.part(*edge))
        unknown[strip] = np.where(light > _BRIGHT_SIGMA * pair.new_noise, light, 0)
    return unknown


def _variation(tile: Tile, pair: CleanedPair, filters: FilterSource, kernels: Filters) -> Spectrum:
    """Return the transform of what is left of agreeing images because the filters vary within the tile.

    Where the two images agree, a * N = b * R at every place. With the a of the tile's middle, b has to be multiplied
    with a(middle) / a(place), which varies linearly, so that every pixel of R is filtered with a b of its own. The
    other way round where a passes less than b, so that the quotient is never large.
    """
    shape, small = tile.side, _small_shape(tile)
    x, y = tile.centre
    step_x, step_y = (max(side / 4, 1.0) for side in tile.inner.shape[::-1])
    on_ref = np.linalg.norm(kernels.new) >= np.linalg.norm(kernels.ref)
    image, fixed = (pair.ref, kernels.new) if on_ref else (pair.new, -kernels.ref)

    def relative(dx: float, dy: float) -> Spectrum:
        there = filters(x + dx, y + dy, small)
        return ratio(there.ref, there.new) if on_ref else ratio(there.new, there.ref)

    total = np.zeros((shape[0], shape[1] // 2 + 1), np.complex64)
    for dx, dy, axis in ((step_x, 0.0, 1), (0.0, step_y, 0)):
        change = fixed * (relative(dx, dy) - relative(-dx, -dy))
        if change.any():
            middle = tile.border + (tile.inner.shape[axis] - 1) / 2
            ramp = ((np.arange(shape[axis]) - middle) / (2 * (dx + dy))).astype(np.float32)
            sloped = image.tile(tile) * (ramp if axis else ramp[:, None])
            kernel = _plane(change, small) * _tapered(small)
            total += _spread(kernel, small, shape) * rfft2(sloped, overwrite_x=True)
    return total


def _tapered(small: tuple[int, int]) -> Pixels:
    """Return weights that fall from 1 in the middle of a small box, its pixel (0, 0), to 0 at its rim.

    A quotient of filters reaches as far as the noise of measured PSFs; cut off, it would leave a frame around bright
    stars.
    """
    along = (np.sqrt(np.hanning(side + 1)[:-1]) for side in small)
    rows, columns = (np.roll(weights, len(weights) // 2).astype(np.float32) for weights in along)
    tapered: Pixels = rows[:, None] * columns
    return tapered


def _plane(spectrum: Spectrum, shape: tuple[int, int]) -> Pixels:
    plane: Pixels = irfft2(spectrum, shape, overwrite_x=True)
    return plane


def _matched(filters: Filters, pair: CleanedPair) -> Spectrum:
    new_variance, ref_variance = np.float32(pair.new_noise**2), np.float32(pair.ref_noise**2)
    return matched_filter(filters.new, filters.ref, filters.psf, new_variance, ref_variance)


def _small_shape(tile: Tile) -> tuple[int, int]:
    """Return the size of a box that holds a kernel as wide as twice the border, for kernels are cheaper there."""
    side = next_fast_len(2 * tile.border, real=True)
    return min(side, tile.side[0]), min(side, tile.side[1])


def _squared(kernel: Spectrum, small: tuple[int, int], shape: tuple[int, int]) -> Spectrum:
    """Return the transform, in a tile, of the square of a kernel given by its transform in a small box."""
    return _spread(irfft2(kernel, small) ** 2, small, shape)


def _spread(kernel: Pixels, small: tuple[int, int], shape: tuple[int, int]) -> Spectrum:
    """Return the transform, in a tile, of a kernel centred on pixel (0, 0) of a small box."""
    return kernel_spectrum(np.roll(kernel, (small[0] // 2, small[1] // 2), (0, 1)), shape)


def _difference_psf(pair: CleanedPair, filters: FilterSource, border: int) -> PsfModel:
    """Sample the difference's PSF on a grid and fit a polynomial through the samples."""
    ny, nx = pair.new.shape
    side = next_fast_len(4 * border, real=True)
    size = min(max(pair.new_psf.size, pair.ref_psf.size), side - 1 - side % 2)
    half = size // 2
    fraction = (np.arange(_PSF_GRID) + 0.5) / _PSF_GRID
    x, y = (grid.ravel() for grid in np.meshgrid(fraction * nx - 0.5, fraction * ny - 0.5))
    stamps = np.empty((len(x), size, size), np.float32)
    for i, (x_here, y_here) in enumerate(zip(x, y, strict=True)):
        stamp = irfft2(filters(float(x_here), float(y_here), (side, side)).psf, (side, side))
        stamps[i] = np.roll(stamp, (half, half), (0, 1))[:size, :size]
    varies = pair.new_psf.degree or pair.ref_psf.degree
    return psf_from_stamps(stamps, x, y, (ny, nx), _PSF_DEGREE if varies else 0)
